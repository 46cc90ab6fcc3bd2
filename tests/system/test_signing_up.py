"""A person signs up, changes things, proves more, and leaves: through the public endpoints only.

Between: the SDK, the edge and everything behind it.
"""

import pytest
from pyotp.totp import TOTP
from tests.system.visitors import Visitors, new_email

from audifi.sdk import SecondFactorNeeded, SignedIn
from audifi.wire.problems import InvalidToken, Unauthorized


@pytest.mark.asyncio
async def test_a_newcomer_signs_up_changes_the_profile_and_leaves(people: Visitors) -> None:
    email = new_email()
    person = await people.guest()
    message = await person.auth.request_link(email)
    assert message
    token = await people.token_for(email)
    outcome = await person.auth.verify(token)
    assert isinstance(outcome, SignedIn)
    profile = await person.user.profile()
    assert (profile.email, profile.roles) == (email, ("USER",))
    changed = await person.user.update(displayName="Ada", bio="Listens.")
    assert (changed.display_name, changed.bio) == ("Ada", "Listens.")
    assert (await person.user.profile()).display_name == "Ada"
    await person.auth.logout()
    with pytest.raises(Unauthorized):
        await person.user.profile()


@pytest.mark.asyncio
async def test_a_link_works_once(people: Visitors) -> None:
    email = new_email()
    person = await people.guest()
    await person.auth.request_link(email)
    token = await people.token_for(email)
    await person.auth.verify(token)
    other = await people.guest()
    with pytest.raises(InvalidToken):
        await other.auth.verify(token)


@pytest.mark.asyncio
async def test_a_session_is_renewed_by_its_cookie_and_ends_everywhere(people: Visitors) -> None:
    email = new_email()
    phone, laptop = await people.signed_in(email=email), await people.signed_in(email=email)
    renewed = await laptop.auth.refresh()
    assert renewed.access_token
    assert len(await laptop.auth.sessions()) == 2
    await laptop.auth.logout_everywhere()
    with pytest.raises(Unauthorized):
        await phone.user.profile()


@pytest.mark.asyncio
async def test_a_second_factor_is_asked_for_once_it_is_enrolled(people: Visitors) -> None:
    email = new_email()
    person = await people.signed_in(email=email)
    enrolment = await person.auth.enrol()
    assert len(enrolment.backup_codes) == 10
    await person.auth.confirm(TOTP(enrolment.secret).now())
    assert (await person.user.profile()).mfa_enabled
    again = await people.guest()
    await again.auth.request_link(email)
    step = await again.auth.verify(await people.token_for(email))
    assert isinstance(step, SecondFactorNeeded)
    outcome = await again.auth.complete(step, enrolment.backup_codes[0])
    assert isinstance(outcome, SignedIn)
    assert (await again.user.profile()).email == email


@pytest.mark.asyncio
async def test_consents_are_recorded_and_checked(people: Visitors) -> None:
    person = await people.signed_in()
    before = await person.consents.check("SIGNUP")
    assert not before.has_all_required
    for policy in before.missing:
        await person.consents.record(policy["policyType"], policy["policyVersion"], flow="SIGNUP")
    assert (await person.consents.check("SIGNUP")).has_all_required
