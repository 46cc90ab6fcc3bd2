"""Walk every await between a request and its last state: one transaction, one nonce, the right hash, always."""

import itertools
from dataclasses import dataclass

import pytest
from tests.component.chain.conftest import CHAIN, World
from tests.component.chain.crashing import BrokenOff
from tests.component.chain.endpoint import Fault

from audifi.clients.chain.writing.ledger import SETTLED, State
from audifi.clients.chain.writing.transactions import Transactions

pytestmark = pytest.mark.asyncio


@dataclass(frozen=True)
class Path:
    """What happens on the way: `faults` to the broadcasts in their order; a reorg undoes the first block it is in."""

    faults: tuple[Fault, ...] = ()
    has_reorg: bool = False


async def life(world: World, keeper: Transactions, key: str, path: Path) -> None:
    """What a pod does for one key, from the first look to the last."""
    may_reorg = path.has_reorg
    for _ in range(10):
        await world.until_idle(keeper)
        state = (await world.find(key)).state
        if state in SETTLED:
            return
        if state is State.MINED and may_reorg:
            may_reorg = False
            await world.endpoint.development("anvil_reorg", 1, [])
        else:
            await world.mine()
        world.clock.advance(20)


async def walk(world: World, path: Path) -> int:
    """Break a pod off at its first await, its second, … and let another one finish; return how many there were."""
    for awaits in itertools.count(1):
        key = f"k{awaits}"
        await world.ask(key)
        world.endpoint.faults.extend(path.faults)
        broken = BrokenOff(life(world, world.keeper(), key, path), at=awaits)
        await broken.run()
        world.endpoint.faults.clear()
        settled = await world.settle(key)
        seen = await world.endpoint.receipt(settled.hash or "")
        assert seen is not None, f"await {awaits}: {settled}"
        assert settled.state is State.FINAL, f"await {awaits}: {settled}"
        assert settled.nonce == awaits - 1, f"await {awaits}: a nonce was skipped: {settled}"
        assert await world.mined_nonces() == awaits, f"await {awaits}: another nonce was used"
        assert await world.received(key) == 1, f"await {awaits}: paid {await world.received(key)} times"
        if not broken.reached:
            return awaits
    raise AssertionError("unreachable")


PATHS = {
    "nothing goes wrong": Path(),
    "the acknowledgement is lost": Path(faults=(Fault.LOST_ACKNOWLEDGEMENT,)),
    "raised, lost, mined and undone": Path(faults=(Fault.UNDERPRICED, Fault.LOST_ACKNOWLEDGEMENT), has_reorg=True),
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
async def test_a_pod_that_dies_at_any_await_loses_and_doubles_nothing(world: World, path: Path) -> None:
    assert await walk(world, path) > 50, "the walk is shorter than the path"
    assert not await world.keeper().step(CHAIN), "something was left over"
