"""Listen where alerts arrive, and judge whether the right one came in time and the others kept silent.

    async with listening(scene.stage) as heard:
        ...                                            # the fault, held as long as hold_s(topology, alerts) says
        complaints = await heard.complaints(drill.alerts, cause_us=injected_us)

Between: drills.engine (asks), the stand-ins of Slack and PagerDuty (their control ports), local.sight (Prometheus).
Shape: a notice is one message of one receiver about one alert of one component.
Units: *_us microseconds since the epoch, *_s seconds.
Invariant: silence is asked of causes only: what clients feel (rules marked as symptoms) and information may accompany
any fault, and so may other alerts about the very component that an expected one is about.
Errors: NotRunning when Prometheus or a receiver does not run.
Source: topology.alerts.reaches_within_s (in time).
"""

import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from audifi.drills.journey.stage import Stage
from audifi.drills.timing import now_us
from audifi.local import knobs
from audifi.local.sight import Firing, Sight
from audifi.local.waiting import NotReady, TimedOut, wait_for
from audifi.topology import alerts
from audifi.topology.alerts.wording import INFO
from audifi.topology.model.whole import Topology

# A target that a release takes away is none any more; the scrape list of one machine keeps it.
A_POD_IS_AWAY: Final = ("TargetDown",)
RECEIVERS: Final = ("slack", "pagerduty")
MILLI_US: Final = 1000
SECOND_US: Final = 1_000_000
LOOKS_EVERY_S: Final = 0.25
TITLE: Final = re.compile(r"(?P<state>resolved )?(?P<severity>\w+): (?P<rule>\w+) \((?P<component>[^)]*)\)")


@dataclass(frozen=True)
class Notice:
    """Somebody was told that something is wrong, or that it is over."""

    receiver: str
    rule: str
    component: str
    is_over: bool
    at_us: int


@dataclass(frozen=True)
class Heard:
    """What arrived since listening began."""

    stage: Stage
    before: dict[str, int]  # receiver → the newest message of before

    async def received(self) -> tuple[Notice, ...]:
        """Every notice so far, oldest first."""
        found = [notice for name in RECEIVERS for notice in await _notices(self.stage, name, self.before[name])]
        return tuple(sorted(found, key=lambda notice: notice.at_us))

    async def first_us(self, rule: str) -> int | None:
        """When somebody was first told of this."""
        return next((each.at_us for each in await self.received() if each.rule == rule and not each.is_over), None)

    async def complaints(
        self, expected: Iterable[str], tolerated: Iterable[str] = (), *, cause_us: int
    ) -> tuple[str, ...]:
        """What did not come in time or to the right receiver, and what came and should not have."""
        topology, wanted = self.stage.topology, tuple(expected)
        found = [text for name in wanted if (text := await self.missing(name, cause_us))]
        return (*found, *unexpected(topology, (*wanted, *tolerated), await self.received()))

    async def missing(self, name: str, cause_us: int) -> str:
        topology = self.stage.topology
        receiver = alerts.route(topology, alerts.rule(topology, name).severity).receiver
        within_s = alerts.reaches_within_s(topology, name)
        left_s = within_s - (now_us() - cause_us) / SECOND_US
        try:
            first_us = await wait_for(
                lambda: self._has_come(name, receiver), within_s=max(left_s, LOOKS_EVERY_S), saying=f"alert {name}"
            )
        except TimedOut:
            return f"{name} did not reach {receiver} within {within_s:g} s of its cause"
        late_s = (first_us - cause_us) / SECOND_US - within_s
        return f"{name} reached {receiver} {late_s:.1f} s too late" if late_s > 0 else ""

    async def _has_come(self, name: str, receiver: str) -> int:
        for each in await self.received():
            if (each.rule, each.receiver, each.is_over) == (name, receiver, False):
                return each.at_us
        raise NotReady(f"{receiver} has heard nothing of {name}")


def unexpected(topology: Topology, expected: tuple[str, ...], notices: Iterable[Notice]) -> tuple[str, ...]:
    """What came though nothing expected explains it, or at the wrong receiver. Pure."""
    known = {rule.name: rule for rule in alerts.rules(topology)}
    about = {known[name].component for name in expected} - {""}
    about |= {each.component for each in notices if each.rule in expected}
    found: list[str] = []
    for each in notices:
        rule = known.get(each.rule)
        if rule is None:
            found.append(f"{each.receiver} heard of {each.rule}, which no rule is called")
        elif each.receiver != alerts.route(topology, rule.severity).receiver:
            found.append(f"{each.rule} came to {each.receiver}")
        elif not (each.is_over or rule.is_symptom or rule.severity == INFO or each.component in about):
            found.append(f"{each.rule} about {each.component or 'nobody'} came, and nothing expected explains it")
    return tuple(dict.fromkeys(found))


def hold_s(topology: Topology, expected: Iterable[str]) -> float:
    """How long a fault must last so that all of these reach their receivers; 0 when none is expected."""
    return max((alerts.reaches_within_s(topology, name) for name in expected), default=0.0)


async def causes(stage: Stage) -> list[Firing]:
    """Alerts that name a cause and fire now."""
    rules = {rule.name: rule for rule in alerts.rules(stage.topology)}
    return [
        each
        for each in await Sight(stage.instance).firing()
        if each.state == "firing" and not rules[each.rule].is_symptom and each.severity != INFO
    ]


async def quiet(stage: Stage, *, within_s: float = 60.0) -> None:
    """Wait until no alert that names a cause fires: what an earlier drill did is over."""

    async def silent() -> None:
        if found := await causes(stage):
            raise NotReady(", ".join(sorted({f"{each.rule} ({each.component})" for each in found})))

    await wait_for(silent, within_s=within_s, saying="no alert fires")


@asynccontextmanager
async def listening(stage: Stage) -> AsyncGenerator[Heard]:
    """Hear everything that arrives from now on."""
    newest = {name: max((each["id"] for each in await _messages(stage, name, 0)), default=0) for name in RECEIVERS}
    yield Heard(stage, newest)


async def _messages(stage: Stage, receiver: str, after: int) -> list[dict[str, Any]]:
    return await knobs.messages(knobs.control_of(stage.instance, f"{receiver}-1"), after=after)


async def _notices(stage: Stage, receiver: str, after: int) -> list[Notice]:
    told = {"slack": from_slack, "pagerduty": from_pagerduty}[receiver]
    found = [told(message) for message in await _messages(stage, receiver, after)]
    return [notice for notice in found if notice is not None]


def from_slack(message: dict[str, Any]) -> Notice | None:
    """A message of Alertmanager's; None for anybody else's."""
    title = TITLE.fullmatch(message["title"])
    if title is None:
        return None
    at_us = message["receivedAt"] * MILLI_US
    return Notice("slack", title["rule"], title["component"], title["state"] is not None, at_us)


def from_pagerduty(message: dict[str, Any]) -> Notice | None:
    """An event of Alertmanager's; None for anybody else's."""
    if not message["class"]:
        return None
    at_us = message["receivedAt"] * MILLI_US
    return Notice("pagerduty", message["class"], message["component"], message["action"] == "resolve", at_us)
