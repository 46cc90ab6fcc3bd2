"""Transactions: what is asked for is done once, whatever nodes, fees, forks and other keepers do meanwhile."""

import asyncio

import pytest
from tests.component.chain.conftest import CHAIN, ETHER, World
from tests.component.chain.endpoint import Fault

from audifi.clients.chain.writing import ledger
from audifi.clients.chain.writing.fees import GWEI
from audifi.clients.chain.writing.ledger import State, Transaction, Version
from audifi.clients.chain.writing.nonces import SKIP_MAX
from audifi.clients.chain.writing.signer import Unsigned
from audifi.clients.chain.writing.transactions import Transactions
from audifi.kernel.connection import Connection
from audifi.wire.problems import IdempotencyKeyReused, Invalid, Unavailable

pytestmark = pytest.mark.asyncio

REVERTS = bytes.fromhex("60006000fd")  # PUSH1 0 PUSH1 0 REVERT, as the code of a constructor


async def versions(world: World, key: str) -> list[Version]:
    row = await world.find(key)
    async with world.database.read_primary() as tx:
        return await ledger.versions(tx, row.id)


async def sent(world: World, key: str) -> str:
    """Bring a request to `sent` and return its hash."""
    await world.ask(key)
    await world.keeper().step(CHAIN)
    row = await world.find(key)
    assert row.state is State.SENT, row
    assert row.hash is not None
    return row.hash


async def used_elsewhere(world: World, nonce: int) -> str:
    """Send something with the same key that the table knows nothing of."""
    signed = world.signer.sign(
        Unsigned(
            chain_id=CHAIN,
            nonce=nonce,
            to=world.recipient("a stranger"),
            data=b"",
            value_wei=7,
            gas=21_000,
            fee_max_wei=100 * GWEI,
            tip_max_wei=50 * GWEI,
        )
    )
    return await world.endpoint.broadcast(signed.raw)


async def base_fee(world: World, gwei: int) -> None:
    await world.endpoint.development("anvil_setNextBlockBaseFeePerGas", hex(gwei * GWEI))


async def test_a_request_vanishes_with_the_change_it_belongs_to(world: World) -> None:
    class Undone(Exception):
        pass

    async def buy() -> None:
        async with world.database.transaction() as tx:
            await world.keeper().request(tx, key="sale", chain_id=CHAIN, to=world.recipient("sale"))
            raise Undone

    with pytest.raises(Undone):
        await buy()
    assert await world.keeper().find("sale", CHAIN) is None


async def test_a_key_is_one_transaction_however_often_it_is_asked_for(world: World) -> None:
    asked = await asyncio.gather(*(world.ask("mint 7") for _ in range(8)))
    assert len({row.id for row in asked}) == 1
    assert (await world.settle("mint 7")).state is State.FINAL
    again = await world.ask("mint 7")
    assert again.state is State.FINAL, "asked again after it was done: what was done is the answer"
    assert not await world.keeper().step(CHAIN)
    with pytest.raises(IdempotencyKeyReused):
        await world.ask("mint 7", value_wei=2)


async def test_nonsense_is_refused_before_it_is_written(world: World) -> None:
    for wrong in ({"to": "0x12"}, {"value_wei": -1}, {"chain_id": 5}, {"gas": 1}, {"to": None}):
        with pytest.raises(Invalid):
            await world.ask("wrong", **wrong)


async def test_keepers_side_by_side_give_each_nonce_once(world: World) -> None:
    keys = [f"sale {number}" for number in range(20)]
    for key in keys:
        await world.ask(key)
    await asyncio.gather(*(world.until_idle(world.keeper()) for _ in range(4)))
    rows = [await world.settle(key) for key in keys]
    assert sorted(row.nonce or 0 for row in rows) == list(range(20))
    assert [await world.received(key) for key in keys] == [1] * 20
    assert await world.mined_nonces() == 20


async def test_a_lost_acknowledgement_ends_with_the_hash(world: World) -> None:
    world.endpoint.faults.extend([Fault.LOST_ACKNOWLEDGEMENT, Fault.LOST])
    await world.ask("sale")
    row = await world.settle("sale")
    assert (row.state, row.error, len(await versions(world, "sale"))) == (State.FINAL, None, 1)
    assert await world.received("sale") == 1


async def test_what_was_mined_before_anybody_heard_of_it_is_found(world: World) -> None:
    world.endpoint.faults.append(Fault.LOST_ACKNOWLEDGEMENT)
    await world.ask("sale")
    await world.keeper().step(CHAIN)
    assert (await world.find("sale")).state is State.SIGNED
    await world.mine(5)
    row = await world.settle("sale")
    assert (row.state, row.error) == (State.FINAL, None)
    assert len(world.endpoint.sent) == 1


async def test_nothing_is_decided_while_nobody_answers(world: World) -> None:
    await sent(world, "before")
    await world.ask("during")
    world.endpoint.is_down = True
    for _ in range(5):
        await world.until_idle(world.keeper())
        world.clock.advance(60)
    assert (await world.find("during")).state is State.WANTED
    assert (await world.find("before")).state is State.SENT
    world.endpoint.is_down = False
    assert (await world.settle("before")).state is State.FINAL
    assert (await world.settle("during")).nonce == 1


async def test_a_poor_signer_waits_for_money_without_taking_a_nonce(world: World) -> None:
    await world.endpoint.development("anvil_setBalance", world.signer.address, hex(10**15))
    await world.ask("dear", value_wei=ETHER)
    await world.ask("cheap")
    for _ in range(15):
        await world.until_idle(world.keeper())
        world.clock.advance(300)
    dear = await world.find("dear")
    assert (dear.state, dear.nonce) == (State.WANTED, None)
    assert "nsufficient" in (dear.error or "")
    assert (await world.settle("cheap")).state is State.FINAL, "who has not enough holds nobody up"
    await world.endpoint.development("anvil_setBalance", world.signer.address, hex(2 * ETHER))
    world.clock.advance(300)
    row = await world.settle("dear")
    assert (row.state, row.error) == (State.FINAL, None)


async def test_the_balance_pays_for_what_is_on_its_way_first(world: World) -> None:
    await world.ask("first", value_wei=60 * ETHER)
    await world.ask("second", value_wei=60 * ETHER)
    await world.until_idle(world.keeper())
    assert (await world.find("first")).state is State.SENT
    second = await world.find("second")
    assert (second.state, second.nonce) == (State.WANTED, None)
    assert "insufficient funds" in (second.error or "")


async def test_what_reverts_on_chain_fails_with_its_nonce(world: World) -> None:
    await world.ask("bad", to=None, data=REVERTS, value_wei=0, gas=100_000)
    row = await world.settle("bad")
    assert (row.state, row.reverted, row.nonce) == (State.FAILED, True, 0)
    assert "revert" in (row.error or "")


async def test_what_would_revert_is_tried_for_a_while_and_then_refused(world: World) -> None:
    await world.ask("bad", to=None, data=REVERTS, value_wei=0)
    for _ in range(12):
        await world.until_idle(world.keeper())
        world.clock.advance(300)
    row = await world.find("bad")
    assert (row.state, row.nonce) == (State.REFUSED, None)
    assert await world.mined_nonces() == 0


async def test_a_nonce_that_no_node_takes_goes_to_a_filler(world: World) -> None:
    world.endpoint.faults.extend([Fault.NEVER] * 3)
    await world.ask("impossible")
    for _ in range(4):
        await world.until_idle(world.keeper())
        world.clock.advance(20)
    await world.ask("next")
    assert (await world.settle("next")).nonce == 1
    row = await world.settle("impossible")
    assert (row.state, row.nonce, row.gone) == (State.REFUSED, 0, True)
    assert "some rule of this chain" in (row.error or "")
    assert await world.received("impossible") == 0
    assert await world.mined_nonces() == 2


async def test_a_stuck_transaction_is_replaced_and_the_replacement_is_what_counts(world: World) -> None:
    first = await sent(world, "sale")
    await sent(world, "later")
    await base_fee(world, 50)
    await world.mine()
    world.clock.advance(60)
    await world.until_idle(world.keeper())
    one, two = await versions(world, "sale")
    assert two.fee_max_wei * 8 >= one.fee_max_wei * 9
    assert two.tip_max_wei * 8 >= one.tip_max_wei * 9
    assert len(await versions(world, "later")) == 1, "only the lowest nonce is replaced: the others wait for it"
    row = await world.settle("sale")
    assert (row.state, row.hash, row.nonce) == (State.FINAL, two.hash, 0)
    assert row.hash != first
    assert await world.received("sale") == 1
    assert (await world.settle("later")).state is State.FINAL


async def test_the_original_may_win_against_its_replacement(world: World) -> None:
    first = await sent(world, "sale")
    await base_fee(world, 50)
    await world.mine()
    world.clock.advance(60)
    world.endpoint.faults.append(Fault.LOST)  # the replacement never arrives, and nobody knows that
    await world.keeper().step(CHAIN)
    _, second = await versions(world, "sale")
    assert (await world.find("sale")).hash == second.hash
    await base_fee(world, 1)
    await world.endpoint.broadcast(bytes.fromhex(world.endpoint.sent[0][2:]))  # anvil forgot it, other nodes did not
    await world.mine(3)
    row = await world.settle("sale")
    assert (row.state, row.hash) == (State.FINAL, first)
    assert await world.received("sale") == 1


async def test_nothing_is_signed_above_the_cap(world: World) -> None:
    await base_fee(world, 600)
    await world.mine()
    await world.ask("sale")
    await world.until_idle(world.keeper())
    row = await world.find("sale")
    assert (row.state, row.nonce) == (State.WANTED, None)
    assert "over the cap" in (row.error or "")
    await base_fee(world, 1)
    await world.mine()
    world.clock.advance(60)
    assert (await world.settle("sale")).state is State.FINAL


async def test_an_underpriced_transaction_is_raised_under_the_same_nonce(world: World) -> None:
    world.endpoint.faults.extend([Fault.UNDERPRICED] * 3)  # the first, its replacement, the replacement again
    await world.ask("sale")
    row = await world.settle("sale")
    assert (row.state, row.nonce) == (State.FINAL, 0)
    assert len(await versions(world, "sale")) == 3
    assert await world.received("sale") == 1


async def test_a_full_pool_is_waited_for_with_the_same_bytes(world: World) -> None:
    world.endpoint.faults.extend([Fault.POOL_FULL] * 3)
    await world.ask("sale")
    row = await world.settle("sale")
    assert (row.state, row.error, len(await versions(world, "sale"))) == (State.FINAL, None, 1)


async def test_a_reorg_brings_it_back_to_sent_and_the_same_bytes_are_sent_again(world: World) -> None:
    tx_hash = await sent(world, "sale")
    await world.mine(2)
    world.clock.advance(20)
    await world.until_idle(world.keeper())
    assert (await world.find("sale")).state is State.CONFIRMED
    await world.endpoint.development("anvil_reorg", 2, [])
    await world.endpoint.development("anvil_dropTransaction", tx_hash)
    assert await world.received("sale") == 0
    world.clock.advance(20)
    await world.keeper().step(CHAIN)
    row = await world.find("sale")
    assert (row.state, row.block_number, row.hash) == (State.SENT, None, tx_hash)
    assert (await world.settle("sale")).hash == tx_hash
    assert await world.received("sale") == 1
    assert len(set(world.endpoint.sent)) == 1, "never other bytes"


async def test_another_block_after_a_reorg_starts_the_count_again(world: World) -> None:
    tx_hash = await sent(world, "sale")
    await world.mine(2)
    world.clock.advance(20)
    await world.until_idle(world.keeper())
    before = await world.find("sale")
    await world.endpoint.development("anvil_reorg", 2, [])
    await world.endpoint.broadcast(bytes.fromhex(world.endpoint.sent[0][2:]))
    await world.mine()
    world.clock.advance(20)
    await world.until_idle(world.keeper())
    row = await world.find("sale")
    assert (row.state, row.hash) == (State.MINED, tx_hash)
    assert row.block_hash != before.block_hash


async def test_nonces_used_elsewhere_before_are_skipped(world: World) -> None:
    assert (await world.settle((await world.ask("one")).key)).nonce == 0
    await used_elsewhere(world, 1)
    await world.mine()
    await world.ask("two")
    assert (await world.settle("two")).nonce == 2


async def test_a_nonce_used_by_a_stranger_is_refused_when_that_is_final(world: World) -> None:
    world.endpoint.faults.append(Fault.LOST)
    await world.ask("sale")
    await world.keeper().step(CHAIN)
    await used_elsewhere(world, 0)
    await world.mine()
    world.clock.advance(20)
    await world.until_idle(world.keeper())
    waiting = await world.find("sale")
    assert waiting.state is State.SIGNED, "a provider that lags knows no receipt either"
    row = await world.settle("sale")
    assert (row.state, row.nonce) == (State.REFUSED, 0)
    assert "not ours" in (row.error or "")
    assert await world.received("sale") == 0


async def test_a_gap_that_holds_up_the_rest_is_filled(world: World) -> None:
    async with world.database.transaction() as tx:
        await ledger.open_signer(
            tx, CHAIN, world.signer.address, 2
        )  # what a provider that lies makes of an empty table
    await world.ask("sale")
    await world.until_idle(world.keeper())
    for _ in range(2):
        await world.keeper().upkeep(CHAIN)
        await world.until_idle(world.keeper())
    row = await world.settle("sale")
    assert (row.state, row.nonce) == (State.FINAL, 2)
    assert await world.mined_nonces() == 3


async def test_a_chain_far_ahead_of_us_is_a_matter_for_a_person(world: World) -> None:
    await sent(world, "one")
    await world.mine()
    await world.endpoint.development("anvil_setNonce", world.signer.address, hex(SKIP_MAX + 10))
    await world.ask("two")
    await world.until_idle(world.keeper())
    two = await world.find("two")
    assert (two.state, two.nonce) == (State.WANTED, None)
    assert "a person must look" in (two.error or "")


async def test_whoever_asked_is_told_in_the_same_database_transaction(world: World) -> None:
    heard: list[tuple[State, bool]] = []

    async def hear(tx: Connection, row: Transaction) -> None:
        there = await ledger.by_key(tx, CHAIN, row.signer, row.key)
        heard.append((row.state, there == row))

    keeper = Transactions(world.database, {CHAIN: world.endpoint}, world.signer, clock=world.clock, told=hear)
    tx_hash = await sent(world, "sale")
    await world.mine(2)
    world.clock.advance(20)
    await world.until_idle(keeper)
    await world.endpoint.development("anvil_reorg", 2, [])
    await world.endpoint.development("anvil_dropTransaction", tx_hash)
    world.clock.advance(20)
    await keeper.step(CHAIN)
    await world.settle("sale", keeper)
    states = [State.CONFIRMED, State.SENT, State.CONFIRMED, State.FINAL]
    assert heard == [(state, True) for state in states], "what was taken back is told too"


async def test_a_change_that_cannot_be_told_is_not_made(world: World) -> None:
    async def cannot(_: Connection, __: Transaction) -> None:
        raise Unavailable("whoever asked is away")

    keeper = Transactions(world.database, {CHAIN: world.endpoint}, world.signer, clock=world.clock, told=cannot)
    await sent(world, "sale")
    await world.mine(2)
    world.clock.advance(20)
    with pytest.raises(Unavailable):
        await keeper.step(CHAIN)
    assert (await world.find("sale")).state is State.SENT
    assert (await world.settle("sale")).state is State.FINAL
