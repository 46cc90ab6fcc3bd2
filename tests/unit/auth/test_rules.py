"""auth-service's decisions, as properties: renewal, second factor, consents, names, networks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyotp.totp import TOTP

from audifi.services.auth.errors import Forbidden, Invalid, InvalidState, MfaRequired
from audifi.services.auth.postman import BACKOFF_MAX_S, backoff_s
from audifi.services.auth.rules import consents, email, networks, permissions, profile, renewal, totp
from audifi.services.auth.rules.consents import Consent
from audifi.services.auth.rules.renewal import Family, Renewal

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
CURRENT, PREVIOUS, ELDER = b"current", b"previous", b"elder"

seconds = st.integers(min_value=-40 * 86_400, max_value=40 * 86_400)


def family(**changes: object) -> Family:
    values: dict[str, object] = {
        "refresh_hash": CURRENT,
        "previous_hash": PREVIOUS,
        "rotated_at": NOW - timedelta(minutes=5),
        "expires_at": NOW + timedelta(days=7),
        "absolute_expires_at": NOW + timedelta(days=30),
        "revoked_at": None,
        "is_active_account": True,
    }
    return Family(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("held", "presented", "expected"),
    [
        (family(), CURRENT, Renewal.ROTATE),
        (family(), PREVIOUS, Renewal.REPLAYED),
        (family(rotated_at=NOW - timedelta(seconds=10)), PREVIOUS, Renewal.REPEAT),
        (family(rotated_at=NOW - timedelta(seconds=10, milliseconds=1)), PREVIOUS, Renewal.REPLAYED),
        (family(rotated_at=NOW), ELDER, Renewal.REPLAYED),
        (family(revoked_at=NOW), CURRENT, Renewal.OVER),
        (family(revoked_at=NOW), ELDER, Renewal.OVER),
        (family(expires_at=NOW), CURRENT, Renewal.OVER),
        (family(absolute_expires_at=NOW), CURRENT, Renewal.OVER),
        (family(is_active_account=False), CURRENT, Renewal.OVER),
        (family(is_active_account=False, rotated_at=NOW), PREVIOUS, Renewal.OVER),
        (family(previous_hash=None), ELDER, Renewal.REPLAYED),
    ],
)
def test_the_table_of_renewals(held: Family, presented: bytes, expected: Renewal) -> None:
    assert renewal.renewal(held, presented, NOW) is expected


@given(since=seconds, ends=seconds, caps=seconds, presented=st.sampled_from([CURRENT, PREVIOUS, ELDER]))
def test_only_the_current_token_or_the_graced_one_yields_a_token(
    since: int, ends: int, caps: int, presented: bytes
) -> None:
    held = family(
        rotated_at=NOW - timedelta(seconds=since),
        expires_at=NOW + timedelta(seconds=ends),
        absolute_expires_at=NOW + timedelta(seconds=caps),
    )
    verdict = renewal.renewal(held, presented, NOW)
    if verdict is Renewal.ROTATE:
        assert presented == CURRENT
        assert min(ends, caps) > 0
    if verdict is Renewal.REPEAT:
        assert presented == PREVIOUS
        assert since <= renewal.GRACE_S
        assert caps > 0


@given(st.integers(min_value=0, max_value=60 * 86_400))
def test_a_renewal_never_outlives_the_cap(age_s: int) -> None:
    cap = NOW + timedelta(seconds=renewal.ABSOLUTE_S)
    assert renewal.next_expiry(NOW + timedelta(seconds=age_s), cap) <= cap


@given(offset=st.integers(min_value=-5, max_value=5), spent=st.integers(min_value=-5, max_value=5))
def test_a_code_counts_within_one_step_and_after_the_last_used(offset: int, spent: int) -> None:
    step = int(NOW.timestamp()) // totp.STEP_S
    code = TOTP(SECRET).generate_otp(step + offset)
    found = totp.matching_step(SECRET, code, NOW, step + spent)
    if abs(offset) <= 1 and offset > spent:
        assert found == step + offset
    elif found is not None:  # another step with the same six digits: one in a million
        assert TOTP(SECRET).generate_otp(found) == code


@given(st.lists(st.integers(min_value=0, max_value=7200), max_size=12))
def test_the_lock_closes_at_five_failures_in_half_an_hour(ages_s: list[int]) -> None:
    failures = [NOW - timedelta(seconds=age) for age in ages_s]
    recent = sum(age < totp.WINDOW_S for age in ages_s)
    until = totp.lock_end(failures, NOW)
    assert (until is not None) == (recent >= totp.FAILURES_MAX)
    assert until is None or until == NOW + timedelta(seconds=totp.LOCK_S)


@given(st.text(alphabet="0123456789abcdefABCDEF -", max_size=16))
def test_a_backup_code_has_one_form(text: str) -> None:
    form = totp.backup_form(text)
    assert form is None or (len(form) == 8 and totp.backup_form(form) == form)


@given(st.text(max_size=200))
def test_a_slug_is_an_address_or_nothing(name: str) -> None:
    slug = profile.slug(name)
    assert slug == "" or profile.SLUG.fullmatch(slug)
    for candidate in profile.slug_candidates(name):
        assert profile.SLUG.fullmatch(candidate)
        assert len(candidate) <= profile.SLUG_LENGTH_MAX


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Björk & Søn", "bjork-son"), ("  A  B ", "a-b"), ("DJ Łódź", "dj-lodz"), ("日本", ""), ("ß", "ss")],
)
def test_names_become_addresses(name: str, slug: str) -> None:
    assert profile.slug(name) == slug


@given(st.text(max_size=80))
def test_an_address_is_normal_or_refused(raw: str) -> None:
    try:
        address = email.normalised(raw)
    except Invalid:
        return
    assert email.normalised(address) == address
    assert address == address.lower()
    assert address.isascii()
    assert address.isprintable()


@given(st.emails())
def test_common_addresses_pass_lower_cased(raw: str) -> None:
    try:
        assert email.normalised(raw) == raw.lower()
    except Invalid:
        assert (
            len(raw) > 254 or not raw.isascii() or any(part in raw for part in ('"', "..", "xn--")) or raw[-1].isdigit()
        )


@pytest.mark.parametrize("path", ["//x.example", "/\\x.example", "https://x.example", "x", "/a\nb", "\\\\x"])
def test_paths_that_leave_the_application_are_refused(path: str) -> None:
    with pytest.raises(Invalid):
        profile.redirect_path(path)


@pytest.mark.parametrize("path", ["/", "/portfolio?next=https://x.example", "/a/b#c", None])
def test_paths_inside_the_application_pass(path: str | None) -> None:
    assert profile.redirect_path(path) == path


@pytest.mark.parametrize(
    "url",
    ["http://a.example", "https://", "https://u:p@a.example", "javascript:x", "https://a b.example", "https://a:x/"],
)
def test_links_that_are_not_plain_https_are_refused(url: str) -> None:
    assert not profile.is_https_url(url)


policies = st.sampled_from(["TERMS", "PRIVACY", "ARTIST_AGREEMENT", "PURCHASE_TERMS", "RISK_DISCLOSURE"])
history = st.lists(
    st.builds(
        Consent,
        policies,
        st.sampled_from(["1.0", "2.0"]),
        st.sampled_from(["ACCEPTED", "WITHDRAWN"]),
        st.integers(0, 10_000).map(lambda age_s: NOW - timedelta(seconds=age_s)),
    ),
    max_size=12,
    unique_by=lambda consent: consent.at,
)


@given(history, st.sampled_from(["SIGNUP", "ARTIST", "MINT", "PURCHASE"]))
def test_the_newest_consent_to_the_newest_version_decides(rows: list[Consent], flow: consents.Flow) -> None:
    versions = dict.fromkeys(["TERMS", "PRIVACY", "ARTIST_AGREEMENT", "PURCHASE_TERMS"], "2.0")
    missing = {policy.policy_type for policy in consents.missing(flow, versions, rows)}
    for policy in consents.REQUIRED[flow]:
        newest = max((row for row in rows if row.policy_type == policy), key=lambda row: row.at, default=None)
        is_held = newest is not None and newest.action == "ACCEPTED" and newest.policy_version == "2.0"
        assert (policy in missing) == (policy in versions and not is_held)


def test_networks_are_compared_coarsely_and_never_guessed() -> None:
    assert networks.is_same_network("192.0.2.1", "192.0.2.200")
    assert not networks.is_same_network("192.0.2.1", "192.0.3.1")
    assert networks.is_same_network("2001:db8:1:2::1", "2001:db8:1:3::1")
    assert not networks.is_same_network("", "")
    assert not networks.is_same_network("nonsense", "nonsense")
    assert networks.network("192.0.2.77") == "192.0.2.0/24"


def test_step_up_asks_where_a_factor_is_or_must_be() -> None:
    permissions.require_step_up(is_enrolled=True, is_confirmed=True)
    permissions.require_step_up(is_enrolled=False, is_confirmed=False)
    with pytest.raises(MfaRequired):
        permissions.require_step_up(is_enrolled=True, is_confirmed=False)
    with pytest.raises(MfaRequired):
        permissions.require_step_up(is_enrolled=False, is_confirmed=False, is_mandatory=True)


@pytest.mark.parametrize("role", ["ADMIN", "ARTIST"])
def test_roles_with_power_keep_their_factor(role: str) -> None:
    with pytest.raises(Forbidden):
        permissions.require_disable_allowed(["USER", role], is_required_for_all=False)
    permissions.require_disable_allowed(["USER"], is_required_for_all=False)
    with pytest.raises(Forbidden):
        permissions.require_disable_allowed(["USER"], is_required_for_all=True)


def test_administrators_cannot_lock_themselves_out() -> None:
    def change(actor: str, role: str, action: str, status: str = "ACTIVE") -> None:
        permissions.require_role_change_allowed(actor_id=actor, target_id="t", role=role, action=action, status=status)

    change("a", "ADMIN", "REVOKE")
    change("t", "PRODUCER", "REVOKE")
    for actor, role, action, status in [
        ("t", "ADMIN", "REVOKE", "ACTIVE"),
        ("a", "USER", "REVOKE", "ACTIVE"),
        ("a", "PRODUCER", "GRANT", "DELETED"),
    ]:
        with pytest.raises(InvalidState):
            change(actor, role, action, status)


@given(st.integers(min_value=0, max_value=10_000))
def test_mail_is_retried_ever_later_but_never_rarer_than_the_bound(attempts: int) -> None:
    assert 0 < backoff_s(attempts) <= backoff_s(attempts + 1) <= BACKOFF_MAX_S
