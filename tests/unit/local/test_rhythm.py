"""When the local chain mines and saves: often while it is used, seldom when nobody does; and what it forgets."""

import json
from pathlib import Path

from audifi.local.standins.anvil import (
    BLOCKS_KEPT,
    BLOCKS_MAX,
    BUSY_S,
    IDLE_BLOCK_S,
    SAVE_IDLE_S,
    SAVE_S,
    Memory,
    Rhythm,
)


def blocks(rhythm: Rhythm, since_s: float, until_s: float, *, waiting: bool = False) -> int:
    """How many are mined between two moments, looking four times a second."""
    count, now_s = 0, since_s
    while now_s < until_s:
        if rhythm.mines(now_s, waiting=waiting):
            rhythm.mined(now_s)
            count += 1
        now_s += 0.25
    return count


def test_a_block_a_second_while_it_is_used() -> None:
    assert blocks(Rhythm(0.0), 0.0, 60.1) == 60


def test_a_chain_left_alone_slows_down_and_wakes_with_a_transaction() -> None:
    rhythm = Rhythm(0.0)
    blocks(rhythm, 0.0, BUSY_S)
    hour = blocks(rhythm, BUSY_S, BUSY_S + 3600)
    assert 3600 / IDLE_BLOCK_S - 2 <= hour <= 3600 / (IDLE_BLOCK_S - 0.3) + 2
    later_s = BUSY_S + 3600
    assert blocks(rhythm, later_s, later_s + 1.1, waiting=True) >= 1, "what waits is mined within a second"
    rhythm.worked(later_s + 2, unsaved=True)
    assert 9 <= blocks(rhythm, later_s + 2, later_s + 12) <= 11


def test_a_machine_that_slept_does_not_mine_what_it_missed() -> None:
    rhythm = Rhythm(0.0)
    assert blocks(rhythm, 1000.0, 1010.0) <= 11


def test_transactions_are_saved_soon_and_nothing_seldom() -> None:
    rhythm = Rhythm(0.0)
    assert not rhythm.saves(SAVE_IDLE_S - 1)
    assert rhythm.saves(SAVE_IDLE_S)
    rhythm.worked(1.0, unsaved=True)
    assert rhythm.saves(SAVE_S)
    rhythm.saved(SAVE_S, SAVE_S + 0.01)
    assert not rhythm.saves(SAVE_S + 1)


def test_saving_a_long_chain_takes_a_twentieth_of_the_time() -> None:
    rhythm = Rhythm(0.0)
    rhythm.saved(0.0, 1.0)
    rhythm.worked(2.0, unsaved=True)
    assert not rhythm.saves(20.5)
    assert rhythm.saves(21.0)


def test_a_long_chain_forgets_old_empty_blocks_only(tmp_path: Path) -> None:
    full = {7, 1000}
    blocks = [{"header": {"number": hex(n)}, "transactions": [1] if n in full else []} for n in range(BLOCKS_MAX + 1)]
    memory = Memory(tmp_path)
    memory.trim()  # nothing there yet
    memory.state.write_text(json.dumps({"best_block_number": BLOCKS_MAX, "blocks": blocks[::-1]}))
    memory.trim()
    kept = {int(block["header"]["number"], 16) for block in json.loads(memory.state.read_text())["blocks"]}
    assert kept == {0, *full, *range(BLOCKS_MAX - BLOCKS_KEPT + 1, BLOCKS_MAX + 1)}
    before = memory.state.read_text()
    memory.trim()
    assert memory.state.read_text() == before, "short enough: left as it is"
