"""A crowd joins, reads, comes back where it was, and its history is judged right: against a gateway of a few lines.

Between: drills.swarm.crowds (a real process), judge, and tests/component/drills/gateway.py.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.component.drills.gateway import Gateway

from audifi.drills.journey.narration import Mismatch
from audifi.drills.swarm.crowd import PER_ADDRESS, Order, Plan
from audifi.drills.swarm.crowds import Crowds, crowds, divided
from audifi.drills.swarm.judge import verdict
from audifi.drills.swarm.viewer import Lane
from audifi.local.waiting import NotReady, wait_for

VIEWERS = 120
NETWORK = 77


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    made = Gateway()
    yield made
    await made.close()


def plans(port: int, directory: Path, viewers: int = VIEWERS) -> list[Plan]:
    return [
        Plan(
            session_id="s",
            lanes=(Lane("127.0.0.1", port, "ws.audifi.localhost", is_tls=False),),
            origin="https://app.audifi.localhost",
            ca_file="",
            network=NETWORK,
            first=first,
            viewers=viewers // 2,
            connects_per_s=2000,
            history=str(directory / f"{first}.jsonl"),
        )
        for first in (0, viewers // 2)
    ]


async def are_level(found: Crowds, gateway: Gateway, viewers: int = VIEWERS) -> None:
    """Everybody who reads has the newest."""
    found.check()
    whole = found.together()
    if (whole.level, whole.newest) != (viewers, (len(gateway.log), gateway.version or -1)):
        raise NotReady(f"{whole.level} of {viewers} level, {whole}")


async def everybody_is_level(found: Crowds, gateway: Gateway, viewers: int = VIEWERS) -> None:
    await wait_for(lambda: are_level(found, gateway, viewers), within_s=15, saying="everybody is level")


@pytest.mark.asyncio
async def test_a_crowd_comes_back_where_it_was(gateway: Gateway, tmp_path: Path) -> None:
    port = await gateway.start()
    async with crowds(plans(port, tmp_path)) as found:
        await everybody_is_level(found, gateway)
        for _ in range(5):
            gateway.event()
            gateway.tally()
        await everybody_is_level(found, gateway)
        gateway.drop(40)
        gateway.event()
        gateway.tally()
        await wait_for(lambda: all_are_back(gateway), within_s=15, saying="they are back")
        gateway.tally()
        await everybody_is_level(found, gateway)
        history = await found.ended()
    assert gateway.resumed == [5] * 40
    assert len(gateway.addresses) == VIEWERS // PER_ADDRESS
    assert not any(verdict(history).values())
    assert len(history.viewers) == VIEWERS
    assert len(history.batches) < VIEWERS * 2 + 60  # what everybody read is there once for each process


async def all_are_back(gateway: Gateway) -> None:
    if len(gateway.writers) < VIEWERS:
        raise NotReady(f"{len(gateway.writers)} are there")


@pytest.mark.asyncio
async def test_who_is_told_to_read_nothing_is_not_judged(gateway: Gateway, tmp_path: Path) -> None:
    port = await gateway.start()
    async with crowds(plans(port, tmp_path)) as found:
        await everybody_is_level(found, gateway)
        await found.order(Order(do="stall", percent=10))
        await wait_for(lambda: some_are_stalled(found), within_s=5, saying="some are stalled")
        gateway.event()
        gateway.tally()
        await everybody_is_level(found, gateway, VIEWERS - 12)
        history = await found.ended()
    assert len(history.stalled) == 12
    assert not any(verdict(history).values())


async def some_are_stalled(found: Crowds) -> None:
    if found.together().stalled != 12:
        raise NotReady(f"{found.together().stalled} are stalled")


@pytest.mark.asyncio
async def test_an_event_that_was_never_sent_is_found(gateway: Gateway, tmp_path: Path) -> None:
    port = await gateway.start()
    async with crowds(plans(port, tmp_path)) as found:
        await everybody_is_level(found, gateway)
        gateway.event()
        gateway.log.append(b"")  # numbered, and told to nobody
        gateway.event()
        gateway.tally()
        await everybody_is_level(found, gateway)
        history = await found.ended()
    faults = verdict(history)["events in order, none twice, none missing"]
    assert len(faults) == VIEWERS
    assert "event 3 came with 1 missing, after 1" in faults[0]


@pytest.mark.asyncio
async def test_a_process_that_ends_by_itself_says_why(tmp_path: Path) -> None:
    plan = plans(1, tmp_path)[0]
    plan.lanes = (Lane("127.0.0.1", 1, "ws.audifi.localhost", is_tls=True),)
    plan.ca_file = "/nowhere"
    async with crowds([plan]) as found:
        with pytest.raises(Mismatch, match="FileNotFoundError"):
            await wait_for(lambda: are_level(found, Gateway()), within_s=15, saying="it ended")


@pytest.mark.parametrize(
    ("viewers", "shares"), [(1, [1]), (2500, [2500]), (2501, [1250, 1251]), (9999, [2499, 2500, 2500, 2500])]
)
def test_a_large_crowd_is_several_processes(viewers: int, shares: list[int]) -> None:
    assert [len(each) for each in divided(viewers)] == shares
