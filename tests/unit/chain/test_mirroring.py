"""Prove what the worker and a mirroring service say to each other: it survives JSON, and reads as the node told it."""

import msgspec
from tests.unit.chain.test_abi import ALICE, BOB, TRANSFER, topic

from audifi.clients.chain.contracts import events
from audifi.clients.chain.mirroring.messages import Batch, LogBody, Place, Watch, Watched
from audifi.clients.chain.mirroring.routes import operations
from audifi.kernel.http import Access
from audifi.wire.problems import Conflict

COIN = "0x" + "c0" * 20
HUGE = 2**255 + 1


def _log(value: int) -> LogBody:
    return LogBody(
        address=COIN,
        topics=(TRANSFER, topic("address", ALICE), topic("address", BOB)),
        data=topic("uint256", value),
        block_number=7,
        block_hash="0x" + "22" * 32,
        tx_hash="0x" + "33" * 32,
        log_index=4,
    )


def test_a_batch_survives_json_and_its_logs_read_as_the_nodes_did() -> None:
    batch = Batch(after=Place(6), watches=1, first=7, checkpoint=Place(7, "0x" + "22" * 32), logs=(_log(HUGE),))
    back = msgspec.json.decode(msgspec.json.encode(batch), type=Batch)
    assert back == batch
    logged = events.read("Coin", back.logs[0].answer())
    assert logged is not None
    assert logged.event == events.CoinTransfer(from_=ALICE, to=BOB, value=HUGE)
    assert (logged.block_number, logged.tx_hash, logged.log_index) == (7, "0x" + "33" * 32, 4)


def test_following_goes_on_after_the_checkpoint_or_nowhere() -> None:
    assert Watched(addresses=[]).next_block == 0
    assert Watched(addresses=[Watch(COIN, "Coin")], checkpoint=Place(-1)).next_block == 0
    assert Watched(addresses=[Watch(COIN, "Coin")], checkpoint=Place(41, "0x" + "22" * 32)).next_block == 42


def test_only_services_get_in_and_conflicts_are_announced() -> None:
    made = operations(lambda call: call.deps.mirror)
    assert {operation.access for operation in made} == {Access.SERVICE}
    assert [operation.errors for operation in made] == [(), (Conflict,)]
    assert msgspec.convert(made[1].example, Batch).first == 121
