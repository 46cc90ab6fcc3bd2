"""Lose Stripe, and drown in its webhooks, while people buy.

Between: drills.catalogue (collects), faults.providers (turns Stripe's knobs) and workloads.checkouts (buys).
Shape: Stripe down: everybody is refused cleanly, in time; when it is back the same purchases go on and are charged
once. A storm: every event four times, late and out of order, then all of them again: the state is what it was.
Units: *_s seconds.
Source: domain.md 2.4, 5.8; architecture.md 4 (losing a provider loses nothing that was acknowledged); issue 6.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from typing import Final

from audifi.drills.drill import Drill, Findings, Sabotage, Scene, Timeline, Way
from audifi.drills.faults.providers import turned
from audifi.drills.timing import US, now_us
from audifi.drills.workloads.checkouts import PLAN, Buyer, buyers
from audifi.local import knobs
from audifi.local.waiting import NotReady, TimedOut, wait_for

STRIPE: Final = "stripe-1"
FINISHED_WITHIN_S: Final = 75.0  # the breaker leaves Stripe alone for up to 30 s; the rest is this machine's
SABOTAGED_S: Final = 15.0  # waited for under sabotage: nobody comes
SETTLED_WITHIN_S: Final = 60.0
REPLAYS: Final = 1
STORM: Final = {"duplicates": 3, "late_s": 1.0, "shuffle_s": 3.0}
HELD: Final = {"hold": True}  # not forged ones: three bad signatures close Stripe's address for longer than a drill


async def _stripe_down(scene: Scene) -> Findings:
    """Refused cleanly while it is down, bought once when it is back; under sabotage it stays down."""
    stage, narrator = scene.stage, scene.narrator
    async with narrator.step("people who want to buy sign up"):
        found = await buyers(stage)
    async with AsyncExitStack() as outage:
        if scene.way is not Way.CONTROL:
            narrator.note(await outage.enter_async_context(turned(stage, STRIPE, down=True)))
        injected_us = now_us()
        async with narrator.step("they ask for a page to pay on"):
            unclean = [each for each in await asyncio.gather(*(buyer.tries() for buyer in found)) if each]
        slowest_s = (now_us() - injected_us) / US
        if scene.way is not Way.SABOTAGE:
            await outage.aclose()
        healed_us = now_us()
        missing = await _bought(scene, found)
    recovered_us = now_us()
    charged = await asyncio.gather(*(buyer.charged() for buyer in found))
    return Findings(
        measured={"payments-outage": len(unclean) + sum(count != 1 for count in charged)},
        wrong=tuple(
            f"{count} charges of {found[place].person.email}" for place, count in enumerate(charged) if count > 1
        ),
        figures={
            "purchases": len(found),
            "refused in another way": next(iter(unclean), None),
            "not finished": next(iter(missing), None),
            "slowest answer_s": round(slowest_s, 2),
            "finished after_s": round((recovered_us - healed_us) / US, 2),
        },
        timeline=_timeline(scene, injected_us, healed_us, recovered_us),
    )


async def _webhook_storm(scene: Scene) -> Findings:
    """Everything is told four times, late and in disorder, and then again; under sabotage nothing is told."""
    stage, narrator = scene.stage, scene.narrator
    async with narrator.step("people who want to buy sign up"):
        await wait_for(lambda: _delivered(scene), within_s=SETTLED_WITHIN_S, saying="no older webhook waits")
        found = await buyers(stage)
    webhooks = HELD if scene.way is Way.SABOTAGE else STORM
    async with AsyncExitStack() as storm:
        injected_us = now_us()
        if scene.way is not Way.CONTROL:
            narrator.note(await storm.enter_async_context(turned(stage, STRIPE, webhooks=webhooks)))
        missing = await _bought(scene, found)
        before = await _states(found)
        if scene.way is Way.FAULT:
            deliveries = await knobs.replay_webhooks(knobs.control_of(stage.instance, STRIPE), REPLAYS)
            narrator.note(f"everything is told again: {deliveries} deliveries")
            async with narrator.step("the storm is over"):
                await wait_for(
                    lambda: _delivered(scene), within_s=SETTLED_WITHIN_S, saying="all webhooks are delivered"
                )
    healed_us = now_us()
    after = await _states(found)
    wanted = (PLAN, "ACTIVE", 1)
    return Findings(
        measured={"payments-webhooks": sum(state != wanted for state in after)},
        wrong=tuple(
            f"{buyer.person.email} was {was}, and is {now} after the storm"
            for buyer, was, now in zip(found, before, after, strict=True)
            if was != now and was == wanted
        ),
        figures={"purchases": len(found), "not finished": next(iter(missing), None)},
        timeline=_timeline(scene, injected_us, healed_us, now_us()),
    )


async def _bought(scene: Scene, found: Sequence[Buyer]) -> list[str]:
    within_s = SABOTAGED_S if scene.way is Way.SABOTAGE else FINISHED_WITHIN_S
    async with scene.narrator.step("they pay, and are on the plan"):
        ended = await asyncio.gather(*(buyer.pays(scene.stage, within_s=within_s) for buyer in found))
        if scene.way is not Way.SABOTAGE:  # the payment's own event may come after the plan's
            with suppress(TimedOut):
                await wait_for(
                    lambda: _is_settled(found), within_s=SETTLED_WITHIN_S, saying="each is charged", every_s=1
                )
    return [each for each in ended if each]


async def _is_settled(found: Sequence[Buyer]) -> None:
    states = await _states(found)
    if missing := [state for state in states if state[2] == 0]:
        raise NotReady(f"{len(missing)} are not charged yet")


async def _states(found: Sequence[Buyer]) -> list[tuple[str, str, int]]:
    return list(await asyncio.gather(*(buyer.state() for buyer in found)))


async def _delivered(scene: Scene) -> None:
    if waiting := await knobs.webhooks_waiting(knobs.control_of(scene.stage.instance, STRIPE)):
        raise NotReady(f"{waiting} deliveries wait")


def _timeline(scene: Scene, injected_us: int, healed_us: int, recovered_us: int) -> Timeline:
    if scene.way is Way.CONTROL:
        return Timeline()
    return Timeline(injected_us=injected_us, healed_us=healed_us, recovered_us=recovered_us)


DRILLS = (
    Drill(
        name="stripe-down",
        summary="Stripe cuts every connection while people want to buy; when it is back, they buy.",
        proves=("payments-outage",),
        play=_stripe_down,
        sabotage=Sabotage(removes="Stripe does not come back"),
    ),
    Drill(
        name="stripe-webhook-storm",
        summary="Stripe tells every event four times, late and in disorder, and then everything again.",
        proves=("payments-webhooks",),
        play=_webhook_storm,
        sabotage=Sabotage(removes="no event is ever told"),
    ),
)
