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


async def signed_up(stage: Stage, email: str) -> Person:
    """Sign up (or in, without a second factor) by the link in the mail, and agree to the terms."""
    client = await stage.client()
    mailbox = stage.mailbox
    await client.auth.request_link(email)
    outcome = await client.auth.verify(await mailbox.token(email))
    if isinstance(outcome, SecondFactorNeeded):
        raise Mismatch(f"{email} is new to this run and has a second factor already")
    person = Person(email, client, await client.user.profile())
    await agree(person, "SIGNUP")
    return person


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


async def step_up(person: Person) -> None:
    """Prove the second factor again, with a code that was not used yet."""
    assert person.totp is not None, f"{person.email} has no second factor"
    await asyncio.sleep(STEP_S - time.time() % STEP_S + 0.5)
    await person.client.auth.confirm(person.totp.now())


async def link_wallet(stage: Stage, person: Person, chain: str) -> None:
    """Prove control of a new wallet with play money, and link it."""
    wallet = await stage.wallet(chain)
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
