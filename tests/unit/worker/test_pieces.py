"""What a follower tells is divided at blocks, and leaves none out."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from audifi.clients.chain.following.follower import Applied, Log, Undone
from audifi.clients.chain.following.forks import Mark
from audifi.clients.chain.mirroring.messages import Place
from audifi.services.worker.indexer import pieces


def _hash(number: int) -> str:
    return f"0x{number:064x}"


def _log(block: int, index: int) -> Log:
    return Log(
        block_number=block, block_hash=_hash(block), tx_hash=_hash(7), tx_index=0, log_index=index,
        address="0x" + "aa" * 20, topics=(_hash(1),), data=b"\x01", answer={},
    )  # fmt: skip


@given(
    counts=st.lists(st.integers(0, 9), min_size=1, max_size=12), first=st.integers(0, 99), logs_max=st.integers(1, 12)
)
def test_every_block_and_every_log_is_in_one_piece(counts: list[int], first: int, logs_max: int) -> None:
    logs = tuple(_log(first + at, index) for at, count in enumerate(counts) for index in range(count))
    last = first + len(counts) - 1
    found = list(pieces(Applied(first, Mark(last, _hash(last)), logs), logs_max))
    assert found[0].first == first
    assert found[-1].checkpoint == Place(last, _hash(last))
    for one, following in itertools.pairwise(found):
        assert following.first == one.checkpoint.block + 1
    for each in found:
        assert all(each.first <= log.block_number <= each.checkpoint.block for log in each.logs)
        assert each.checkpoint.hash == _hash(each.checkpoint.block)
        assert len(each.logs) <= logs_max or len({log.block_number for log in each.logs}) == 1
    assert [(log.block_number, log.log_index) for each in found for log in each.logs] == [
        (log.block_number, log.log_index) for log in logs
    ]


def test_what_is_undone_is_an_empty_range_that_ends_before_it_begins() -> None:
    [piece] = pieces(Undone(7, Mark(6, _hash(6))), 5)
    assert (piece.first, piece.checkpoint, piece.logs) == (7, Place(6, _hash(6)), ())
    [piece] = pieces(Undone(0, None), 5)
    assert (piece.first, piece.checkpoint) == (0, Place(-1))
