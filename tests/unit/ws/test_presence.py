"""Pulses say who watches, no more often than needed, and names only while few watch."""

import asyncio
from dataclasses import dataclass, field

from tests.unit.ws.test_fanout import Fan

from audifi.gateways.ws.presence import STILL_S, Present
from audifi.wire.live import protocol
from audifi.wire.live.calls import Pulse, Pulsed
from audifi.wire.problems import Unavailable


@dataclass
class Service:
    """Who is told."""

    everywhere: int = 1
    is_away: bool = False
    told: list[Pulse] = field(default_factory=list[Pulse])

    async def tell(self, _: str, pulse: Pulse) -> Pulsed:
        if self.is_away:
            raise Unavailable("vstudio-service does not answer")
        self.told.append(pulse)
        return Pulsed(viewers=self.everywhere)


def beats(present: Present, service: Service, *moments_s: float) -> list[Pulse]:
    """Beat at these moments; return what was told."""
    before = len(service.told)

    async def run() -> None:
        for now_s in moments_s:
            await present.beat("s", service.tell, now_s)

    asyncio.run(run())
    return service.told[before:]


def test_a_change_is_told_at_once_and_stillness_now_and_then() -> None:
    present, service = Present("ws-gateway-1"), Service()
    present.came(Fan(user_id="a"))
    (first,) = beats(present, service, 0, 1, 2)
    assert (first.pod, first.viewers, first.joined) == ("ws-gateway-1", 1, [("a", "fan")])
    (still,) = beats(present, service, STILL_S, STILL_S + 1)
    assert (still.viewers, still.joined, still.reactions) == (1, [], {})
    present.reacted("🔥")
    present.reacted("🔥")
    assert [pulse.reactions for pulse in beats(present, service, STILL_S + 2)] == [{"🔥": 2}]


def test_a_second_tab_is_nobody_new_and_its_end_is_no_leaving() -> None:
    present, service = Present("ws-gateway-1"), Service()
    first, second = Fan(user_id="a"), Fan(user_id="a")
    present.came(first)
    present.came(second)
    assert [pulse.joined for pulse in beats(present, service, 0)] == [[("a", "fan")]]
    present.went(first)
    assert [(pulse.viewers, pulse.left) for pulse in beats(present, service, 1)] == [(1, [])]
    present.went(second)
    assert [(pulse.viewers, pulse.left) for pulse in beats(present, service, 2)] == [(0, ["a"])]
    assert present.is_over


def test_who_comes_back_before_the_pulse_neither_left_nor_came() -> None:
    present, service = Present("ws-gateway-1"), Service()
    fan, guest = Fan(user_id="a"), Fan()
    present.came(fan)
    present.came(guest)
    beats(present, service, 0)
    present.went(fan)
    present.came(fan)
    present.went(guest)
    assert [(each.joined, each.left, each.viewers) for each in beats(present, service, 1)] == [([], [], 1)]


def test_many_are_a_number_and_no_names() -> None:
    present, service = Present("ws-gateway-1"), Service(everywhere=protocol.NAMED_MAX + 1)
    present.came(Fan(user_id="a"))
    beats(present, service, 0)
    present.came(Fan(user_id="b"))
    assert [(pulse.viewers, pulse.joined) for pulse in beats(present, service, 1)] == [(2, [])]


def test_a_pulse_that_failed_is_told_again_and_an_empty_room_ends_all_the_same() -> None:
    present, service = Present("ws-gateway-1"), Service(is_away=True)
    fan = Fan(user_id="a")
    present.came(fan)
    beats(present, service, 0)
    service.is_away = False
    assert [pulse.viewers for pulse in beats(present, service, 1)] == [1]
    service.is_away = True
    present.went(fan)
    beats(present, service, 2)
    assert present.is_over
