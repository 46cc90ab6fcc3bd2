"""Measure who is watched and who is told: every store and every pod of ours has a target; an alert reaches people.

Between: drills.probes (collects), the running Prometheus (local.sight) and the receivers of alerts (drills.alerts).
Shape: an alert is planted where nobody is hurt: a letter that was given up, an exporter that is down. It takes the
whole way: metric, rule, Alertmanager, receiver.
Units: what the promise counts; 1 where the sentence is true.
Invariant: Grafana, Loki, Tempo and PagerDuty's own escalation are not here: their promises say what they await.
Errors: NotRunning when Prometheus or a receiver does not run; TimedOut when a target never came up.
Source: topology.alerts (in time).
"""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from audifi.drills.alerts import listening
from audifi.drills.faults import processes
from audifi.drills.faults.providers import misbehaving
from audifi.drills.journey.stage import Stage
from audifi.drills.probes.probe import Probe, Weakened
from audifi.drills.scars import Told, scarred
from audifi.drills.timing import now_us
from audifi.local import resolution
from audifi.local.components import redis_server
from audifi.local.sight import Sight
from audifi.local.waiting import NotReady, wait_for
from audifi.topology.alerts import RECORDED
from audifi.topology.alerts.serving import OURS
from audifi.topology.alerts.wording import REACHABLE
from audifi.topology.model.compute import Kind
from audifi.wire import streams

STORES: Final = frozenset({Kind.DATABASE, Kind.CACHE, Kind.QUEUE, Kind.POOLER})
EXPORTER: Final = "node-exporter-1"
LETTERS: Final = streams.dead_letters("events:audit", streams.group("auth-service"))
REACHED: Final = dict(RECORDED)[REACHABLE]
LOOKS_WITHIN_S: Final = 15.0
QUEUE: Final = "redis-queue"


async def stores_unwatched(stage: Stage) -> float:
    """Stores of which a pod has no target that is up."""
    unseen = await _unseen(stage, _pods(stage, STORES))
    return len({pod.rpartition("-")[0] for pod in unseen})


async def pods_unwatched(stage: Stage) -> float:
    """Pods of ours without a target that is up."""
    return len(await _unseen(stage, _pods(stage, OURS)))


def _pods(stage: Stage, kinds: frozenset[Kind]) -> list[str]:
    declared = stage.topology.components
    return [pod for each in declared if each.kind in kinds and each.runs_locally for pod in each.pods]


async def _unseen(stage: Stage, pods: Sequence[str]) -> set[str]:
    sight, begun_s = Sight(stage.instance), time.time()

    async def looked_again() -> None:
        ((_, oldest_s),) = await sight.query("min(timestamp(up))")
        if oldest_s < begun_s:
            raise NotReady(f"a target was last asked {begun_s - oldest_s:.1f} s before")

    await wait_for(looked_again, within_s=LOOKS_WITHIN_S, saying="every target is asked anew")
    seen = {labels["pod"] for labels, value in await sight.query(REACHED) if value == 1}
    return set(pods) - seen


async def a_letter_is_told(stage: Stage) -> float:
    """Give up an event, and see whether Slack hears of it in time."""
    async with listening(stage) as heard, a_letter(stage):
        return not await heard.missing("QueueDeadLetters", cause_us=now_us())


async def a_loss_is_told(stage: Stage) -> float:
    """Stop an exporter, and see whether PagerDuty is called in time."""
    async with (
        listening(stage) as heard,
        scarred(stage, f"{EXPORTER} is down", processes.resume, pods=EXPORTER),
    ):
        await processes.halt(stage, [EXPORTER], by_force=False)
        return not await heard.missing("ComponentDown", cause_us=now_us())


@asynccontextmanager
async def a_letter(stage: Stage) -> AsyncGenerator[None]:
    """A letter that was given up, for as long as the block runs."""
    async with scarred(stage, f"a letter lies in {LETTERS}", burn):
        await _asked(stage, "XADD", LETTERS, "*", "reason", "planted by a probe")
        yield


async def burn(stage: Stage, told: Told) -> None:
    """Remove the planted letter (an undo)."""
    del told
    await _asked(stage, "DEL", LETTERS)


async def _asked(stage: Stage, *question: str) -> None:
    password = resolution.secret(stage.instance, stage.topology, f"{QUEUE}-password")
    await redis_server.ask(stage.port(f"{QUEUE}-1", "redis"), password, *question)


PROBES: Final = (
    Probe(
        name="metrics-infrastructure",
        measure=stores_unwatched,
        sabotage=Weakened(
            removes="the exporter that asks every Redis is down",
            deed=processes.halted(processes.pod("redis-exporter-1")),
        ),
    ),
    Probe(
        name="metrics-application",
        measure=pods_unwatched,
        sabotage=Weakened(removes="a pod is down", deed=processes.halted(processes.pod("analytics-service-1"))),
    ),
    Probe(
        name="alerts-slack",
        measure=a_letter_is_told,
        sabotage=Weakened(
            removes="Slack refuses every message",
            deed=misbehaving("slack-1", error_rate=1.0),
        ),
        is_quick=False,
    ),
    Probe(
        name="alerts-pagerduty",
        measure=a_loss_is_told,
        sabotage=Weakened(
            removes="PagerDuty refuses every event",
            deed=misbehaving("pagerduty-1", error_rate=1.0),
        ),
        is_quick=False,
    ),
)
