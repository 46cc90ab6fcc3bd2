"""The follower: after any reorgs, what was applied and not undone is what the chain holds, once."""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.chain.branching import CONTRACT, FACTS, Branching

from audifi.clients.chain.errors import RangeTooLarge
from audifi.clients.chain.following.follower import Applied, Filter, Follower, Log, Undone
from audifi.clients.chain.following.forks import Mark, common, decide, header, may_hold

WANTED = Filter(addresses=(CONTRACT,))


@dataclass
class Indexer:
    """Whoever follows: keeps logs by block, and the checkpoint that came with them."""

    chain: Branching
    start: int = 0
    checkpoint: Mark | None = None
    logs: list[Log] = field(default_factory=list[Log])
    undone: int = 0

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.follower = Follower(self.chain, WANTED, start_block=self.start, checkpoint=self.checkpoint)

    async def look(self) -> bool:
        match await self.follower.look():
            case Applied(first, checkpoint, logs):
                assert first == (self.start if self.checkpoint is None else self.checkpoint.number + 1), "a hole"
                assert all(first <= each.block_number <= checkpoint.number for each in logs)
                self.logs += logs
                self.checkpoint = checkpoint
            case Undone(from_block, checkpoint):
                assert self.checkpoint is None or from_block <= self.checkpoint.number + 1
                assert checkpoint is None or checkpoint.number == from_block - 1
                self.logs = [each for each in self.logs if each.block_number < from_block]
                self.checkpoint = checkpoint
                self.undone += 1
            case None:
                return False
        return True

    async def catch_up(self) -> None:
        while await self.look():
            pass

    @property
    def found(self) -> list[tuple[int, str]]:
        return [(each.block_number, each.block_hash) for each in self.logs]

    def expected(self) -> list[tuple[int, str]]:
        last = len(self.chain.blocks) - FACTS.act_confirmations
        return [(b.number, b.hash) for b in self.chain.blocks[: last + 1] if b.has_log and b.number >= self.start]


events = st.lists(
    st.one_of(
        st.tuples(st.just("mine"), st.integers(1, 30)),
        st.tuples(st.just("reorganise"), st.integers(1, 8)),
        st.tuples(st.just("look"), st.integers(1, 3)),
        st.tuples(st.just("lie"), st.integers(1, 2)),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=25,
)


async def play(indexer: Indexer, happened: list[tuple[str, int]]) -> None:
    for what, size in happened:
        match what:
            case "mine":
                indexer.chain.mine(size)
            case "reorganise":
                indexer.chain.reorganise(size, size + 1)
            case "lie":
                indexer.chain.lies = size
            case "restart":
                indexer.restart()
            case _:
                for _ in range(size):
                    await indexer.look()
    indexer.chain.lies = 0
    indexer.chain.mine(1)  # a reorg shows when the new branch grows
    await indexer.catch_up()


@given(events, st.integers(0, 6), st.sampled_from([1, 3, 1000]))
@settings(deadline=None)
def test_any_reorgs_end_with_the_logs_of_the_chain(happened: list[tuple[str, int]], start: int, range_max: int) -> None:
    chain = Branching(range_max=range_max)
    chain.mine(3)
    indexer = Indexer(chain, start=start)
    asyncio.run(play(indexer, happened))
    assert indexer.found == indexer.expected()


def test_a_log_that_a_forked_provider_leaves_out_is_asked_for_again() -> None:
    chain = Branching()
    chain.mine(12)
    indexer = Indexer(chain)
    asyncio.run(indexer.catch_up())
    chain.mine(5, logs_every=100)
    chain.reorganise(5, 0)
    chain.mine(5, logs_every=1)
    chain.lies = 1  # well-formed, and empty: its branch has no log there
    asyncio.run(indexer.catch_up())
    assert chain.lies == 0
    assert indexer.found == indexer.expected()


def test_a_reorg_undoes_only_what_left_the_chain() -> None:
    chain = Branching()
    chain.mine(20)
    indexer = Indexer(chain)

    async def run() -> None:
        await indexer.catch_up()
        chain.reorganise(4, 5)
        assert await indexer.look()

    asyncio.run(run())
    assert indexer.checkpoint is not None
    assert (indexer.undone, indexer.checkpoint.number) == (1, 15)


def test_after_a_restart_the_fork_is_found_among_the_ancestors() -> None:
    chain = Branching()
    chain.mine(20)
    indexer = Indexer(chain)

    async def run() -> None:
        await indexer.catch_up()
        indexer.restart()
        await indexer.look()
        chain.reorganise(4, 5)
        await indexer.look()

    asyncio.run(run())
    assert indexer.checkpoint is not None
    assert indexer.checkpoint.number == 15


def test_a_reorg_while_nobody_looked_undoes_down_to_what_was_final() -> None:
    chain = Branching()
    chain.mine(20)
    indexer = Indexer(chain)

    async def run() -> None:
        await indexer.catch_up()
        chain.reorganise(4, 5)
        indexer.restart()
        await indexer.look()
        assert indexer.checkpoint == Mark(10, chain.blocks[10].hash)
        await indexer.catch_up()

    asyncio.run(run())
    assert indexer.found == indexer.expected()


def test_ranges_shrink_to_what_a_provider_takes_and_grow_again() -> None:
    chain = Branching(range_max=100)
    chain.mine(5_000)
    indexer = Indexer(chain)
    asyncio.run(indexer.catch_up())
    assert indexer.found == indexer.expected()
    refused = [size for size in chain.asked if size > 100]
    assert len(refused) < len(chain.asked) / 2, "it keeps asking for what is refused"


def test_one_block_that_is_too_large_is_told_to_the_caller() -> None:
    chain = Branching(range_max=0)
    chain.mine(20)
    with pytest.raises(RangeTooLarge):
        asyncio.run(Indexer(chain).catch_up())


def test_an_answer_that_changes_half_way_is_used_up_to_there() -> None:
    chain = Branching()
    chain.mine(6)
    before = [header(block.header) for block in chain.blocks]
    chain.reorganise(3, 3)
    after = [header(block.header) for block in chain.blocks]
    mixed = [each for each in (*before[1:4], *after[4:]) if each is not None]
    decided = decide(Mark(0, chain.blocks[0].hash), mixed)
    assert [each.number for each in getattr(decided, "headers", ())] == [1, 2, 3]


def test_the_fork_is_the_newest_block_both_have() -> None:
    marks = [Mark(number, f"0x{number}") for number in range(5)]
    assert common(marks, {0: "0x0", 1: "0x1", 2: "0x2", 3: "other", 4: "other"}) == marks[2]
    assert common(marks, {3: "other", 4: "other"}) is None


def test_the_bloom_filter_never_denies_what_is_there() -> None:
    assert not may_hold(0, (CONTRACT,), ())
    assert may_hold(0, (), ()), "no filter: everything may be there"
    assert may_hold(2**2048 - 1, (CONTRACT,), (("0x" + "11" * 32,),))
