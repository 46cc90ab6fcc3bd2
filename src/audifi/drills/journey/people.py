"""Play people: sign up by mail, agree to what is asked, prove a second factor, link a wallet.

Between: the acts (ask for people), sdk, mailbox and wallets.
Invariant: one person is one account, one client, one address and one wallet; a one-time code is used once, so a
person who needs another one waits for the next half minute.
Units: *_s seconds.
Errors: Problem, TimedOut; Mismatch when the platform asks a newcomer for a second factor.
Source: RFC 6238 (codes); EIP-4361 (wallet proof); domain.md 2.1, 4.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final

from pyotp.totp import TOTP

from audifi.drills.journey.narration import Mismatch
from audifi.drills.journey.stage import Stage
from audifi.drills.journey.wallets import Wallet
from audifi.sdk import Audifi, Profile, SecondFactorNeeded, SignedIn
from audifi.wire.problems import InvalidCode

STEP_S: Final = 30  # of a one-time code


@dataclass
class Person:
    """Somebody with an account."""

    email: str
    client: Audifi
    profile: Profile
    totp: TOTP | None = None
    own_wallet: Wallet | None = None

    @property
    def id(self) -> str:
        return self.profile.id

    @property
    def wallet(self) -> Wallet:
        assert self.own_wallet is not None, f"{self.email} has linked no wallet"
        return self.own_wallet


async def signed_in(stage: Stage, email: str, *, totp: TOTP | None = None, address: str | None = None) -> Person:
    """Sign up or in by the link in the mail, with a second factor if there is one, and agree to the terms."""
    client = await stage.client(address)
    mailbox = stage.mailbox
    seen = await mailbox.tokens(email)
    await client.auth.request_link(email)
    outcome = await client.auth.verify(await mailbox.token(email, seen=seen))
    if isinstance(outcome, SecondFactorNeeded):
        await _completed(client, email, outcome, totp)
    person = Person(email, client, await client.user.profile(), totp)
    await agree(person, "SIGNUP")
    return person


async def _completed(client: Audifi, email: str, step: SecondFactorNeeded, totp: TOTP | None) -> None:
    if totp is None:
        raise Mismatch(f"{email} has a second factor that is not known here")
    try:
        await client.auth.complete(step, totp.now())
    except InvalidCode:  # the code of this half minute was used already
        await asyncio.sleep(STEP_S - time.time() % STEP_S + 0.5)
        await client.auth.complete(step, totp.now())


async def agree(person: Person, flow: str) -> dict[str, str]:
    """Accept what this flow still misses; returns the versions accepted now, by policy."""
    consents = person.client.consents
    missing: list[dict[str, Any]] = list((await consents.check(flow)).missing)
    for policy in missing:
        await consents.record(policy["policyType"], policy["policyVersion"], flow=flow)
    return {policy["policyType"]: policy["policyVersion"] for policy in missing}


async def enrol(person: Person) -> None:
    """Set a second factor up and prove it: this session is stepped up."""
    enrolment = await person.client.auth.enrol()
    person.totp = TOTP(enrolment.secret)
    await person.client.auth.confirm(person.totp.now())


async def link_wallet(person: Person, wallet: Wallet) -> None:
    """Prove control of a wallet, and link it."""
    auth = person.client.auth
    chain_id = wallet.node.chain_id
    nonce = await auth.wallet_nonce(wallet.address, chain_id)
    await auth.link_wallet(
        wallet.address, chain_id=chain_id, message=nonce.message, signature=wallet.sign(nonce.message)
    )
    person.own_wallet = wallet


async def renewed(person: Person) -> Profile:
    """Take a new access token, so that it names what the account may do now."""
    outcome = await person.client.auth.refresh()
    assert isinstance(outcome, SignedIn)
    person.profile = await person.client.user.profile()
    return person.profile
