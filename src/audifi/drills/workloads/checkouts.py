"""Let newcomers buy a plan: open a page, pay on it, be on the plan, and be charged for it once.

Between: drills.catalogue.payments (breaks Stripe at one of these steps), journey.cards (pays) and payment-service.
Shape: few people, each buys once a run; ENTERPRISE has no trial, so it is charged at once.
Units: *_s seconds.
Invariant: a buyer asks again with the same key: it is the same purchase, whatever became of the first ask.
Errors: Problem, Mismatch, TimedOut from a step that cannot fail in the way the drill looks for.
Source: domain.md 2.4.
"""

import asyncio
from dataclasses import dataclass
from secrets import token_hex
from typing import Final

from audifi.drills.journey import cards, people
from audifi.drills.journey.people import Person
from audifi.drills.journey.stage import Stage
from audifi.drills.workloads.workload import PERSISTENT
from audifi.local.waiting import NotReady, TimedOut, wait_for
from audifi.sdk import RetryPolicy
from audifi.sdk.records.billing import Checkout
from audifi.wire.problems import PaymentProviderError, Problem

BUYERS: Final = 6
PLAN: Final = "ENTERPRISE"
ANSWER_WITHIN_S: Final = 30.0  # Stripe is asked four times within 7 s and their own time; the gateway waits 30 s


@dataclass
class Buyer:
    """Somebody, and what came of the purchase."""

    person: Person
    key: str
    url: str = ""  # of the page to pay on

    async def tries(self) -> str:
        """Ask for a page once; return what was wrong with the answer. A clean refusal is no fault."""
        self._patience(RetryPolicy(attempts=1, deadline_s=ANSWER_WITHIN_S))
        try:
            self.url = (await self._page()).url
        except PaymentProviderError:
            return ""
        except Problem as problem:
            return f"{problem.status} {problem.code}: {problem.message}"
        return ""

    async def pays(self, stage: Stage, *, within_s: float) -> str:
        """Ask until there is a page, pay on it, and wait for the plan; return what did not come."""
        self._patience(PERSISTENT)
        try:
            if not self.url:
                self.url = await wait_for(self._opened, within_s=within_s, saying="a page to pay on", every_s=1)
            await cards.pay(stage.http, self.url)
            await wait_for(self._is_on_plan, within_s=within_s, saying=f"the plan {PLAN}")
        except (TimedOut, cards.Declined) as reason:
            return f"{self.person.email}: {reason}"
        return ""

    async def charged(self) -> int:
        """How often money was taken."""
        entries = (await self.person.client.payments.history()).data
        # An entry of kind INVOICE is the paper for a payment, not a second one.
        return sum(entry.kind == "PAYMENT" and entry.status == "SUCCEEDED" for entry in entries)

    async def state(self) -> tuple[str, str, int]:
        """What the platform says of them."""
        found = await self.person.client.subscriptions.current()
        return found.plan, found.status, await self.charged()

    async def _page(self) -> Checkout:
        return await self.person.client.payments.checkout_plan(PLAN, idempotency_key=self.key)

    async def _opened(self) -> str:
        try:
            return (await self._page()).url
        except Problem as problem:
            raise NotReady(f"{problem.status} {problem.code}: {problem.message}") from problem

    async def _is_on_plan(self) -> None:
        if (await self.person.client.subscriptions.current()).plan != PLAN:
            raise NotReady("paid, and not on the plan")

    def _patience(self, policy: RetryPolicy) -> None:
        self.person.client.transport.policy = policy


async def buyers(stage: Stage) -> list[Buyer]:
    """New people: who is on a plan already cannot buy it."""
    run = token_hex(4)
    found = await asyncio.gather(
        *(people.signed_in(stage, f"buyer-{run}-{number}@test.audifi.io") for number in range(BUYERS))
    )
    return [Buyer(person, f"checkout-{run}-{number}") for number, person in enumerate(found)]
