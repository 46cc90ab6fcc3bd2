"""The served tip never falls, is never ahead of everybody, and a lagging or forked endpoint has no say in it.

Between: clients.chain.pool.heads (pure).
"""

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.chain.world import FACTS

from audifi.clients.chain.pool.heads import Head, Heads

NAMES = ("alchemy", "infura", "third")


def block(number: int, branch: str = "00", parent: str | None = None) -> Head:
    return Head(number, f"0x{branch}{number:062x}", number, f"0x{parent or branch}{number - 1:062x}")


def told(heads: Heads, name: str, head: Head, now_s: float) -> None:
    """Report a head, and the hash at the record's top if it is asked for (of the same branch)."""
    wanted = heads.observe(name, head, now_s)
    if wanted is not None:
        heads.confirm(name, wanted, f"{head.hash[:4]}{wanted:062x}", head, now_s)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(NAMES), st.integers(-30, 3), st.sampled_from(["00", "00", "00", "ff"]), st.floats(0, 2)
        ),
        max_size=60,
    )
)
def test_the_served_tip_never_falls_nor_leads(steps: list[tuple[str, int, str, float]]) -> None:
    heads, now_s, truth, served, newest = Heads(FACTS, NAMES), 0.0, 100, -1, -1
    for name, offset, branch, later_s in steps:
        now_s += later_s
        truth += int(later_s)
        told(heads, name, block(truth + offset, branch), now_s)
        newest = max(newest, truth + offset)
        assert served <= heads.served(now_s) <= newest
        served = heads.served(now_s)


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 2), st.floats(0, 1)), max_size=60))
def test_sound_endpoints_are_never_called_forked(steps: list[tuple[str, int, float]]) -> None:
    heads, now_s = Heads(FACTS, NAMES), 0.0
    for name, behind, later_s in steps:
        now_s += later_s
        told(heads, name, block(100 + int(now_s) - behind), now_s)
        assert not any(heads.is_forked(each) for each in NAMES)


def test_a_block_is_served_at_once_when_all_have_it() -> None:
    heads = Heads(FACTS, NAMES[:2])
    told(heads, "alchemy", block(100), 0.0)
    told(heads, "infura", block(100), 0.0)
    told(heads, "alchemy", block(101), 1.0)
    assert heads.served(1.0) == 100
    told(heads, "infura", block(101), 1.01)
    assert heads.served(1.01) == 101


def test_a_slow_endpoint_holds_the_tip_back_for_the_grace_only() -> None:
    heads = Heads(FACTS, NAMES[:2])
    told(heads, "alchemy", block(100), 0.0)
    told(heads, "infura", block(100), 0.0)
    told(heads, "alchemy", block(101), 1.0)
    assert heads.served(1.4) == 100
    assert heads.served(1.6) == 101
    assert heads.able("alchemy", 101)
    assert not heads.able("infura", 101)


def test_a_lagging_endpoint_has_no_say() -> None:
    heads = Heads(FACTS, NAMES[:2])
    told(heads, "alchemy", block(80), 0.0)
    told(heads, "infura", block(100), 0.1)
    assert heads.is_lagging("alchemy")
    assert heads.lag("alchemy") == 20
    assert heads.served(0.1) == 100
    assert not heads.able("alchemy", None)


def test_who_rewrites_history_alone_is_forked_until_it_returns() -> None:
    heads = Heads(FACTS, NAMES[:2])
    for name in NAMES[:2]:
        told(heads, name, block(100), 0.0)
    told(heads, "alchemy", block(101, "ff"), 1.0)
    assert heads.is_forked("alchemy")
    told(heads, "infura", block(101), 1.1)
    assert heads.served(1.1) == 101
    assert heads.contradicts(101, block(101, "ff").hash)
    told(heads, "alchemy", block(102, "00"), 2.0)
    assert not heads.is_forked("alchemy")


def test_a_fork_that_jumps_ahead_must_tell_the_block_we_know() -> None:
    heads = Heads(FACTS, NAMES[:2])
    for name in NAMES[:2]:
        told(heads, name, block(100), 0.0)
    assert heads.observe("alchemy", block(102, "ff"), 1.0) == 100
    heads.confirm("alchemy", 100, block(100, "ff").hash, block(102, "ff"), 1.0)
    assert heads.is_forked("alchemy")
    assert heads.served(9.0) == 100


def test_a_reorganisation_that_all_follow_is_believed() -> None:
    heads = Heads(FACTS, NAMES[:2])
    for name in NAMES[:2]:
        told(heads, name, block(100), 0.0)
        told(heads, name, block(101), 1.0)
    told(heads, "alchemy", block(102, "aa", parent="aa"), 2.0)
    assert heads.is_forked("alchemy")
    told(heads, "infura", block(102, "aa", parent="aa"), 2.2)
    assert not heads.is_forked("infura")
    told(heads, "alchemy", block(103, "aa"), 3.0)
    assert not heads.is_forked("alchemy")
    assert heads.served(4.0) == 103
    found = heads.at(102)
    assert found is not None
    assert found.hash == block(102, "aa").hash


def test_a_single_endpoint_may_reorganise() -> None:
    heads = Heads(FACTS, NAMES[:1])
    told(heads, "alchemy", block(100), 0.0)
    told(heads, "alchemy", block(101, "aa"), 1.0)
    assert not heads.is_forked("alchemy")
    assert heads.served(1.0) == 101


def test_a_majority_beats_the_record() -> None:
    heads = Heads(FACTS, NAMES)
    for name in NAMES:
        told(heads, name, block(100), 0.0)
    told(heads, "alchemy", block(101, "aa"), 1.0)
    assert heads.is_forked("alchemy")
    told(heads, "infura", block(101, "aa"), 1.1)
    assert not heads.is_forked("infura")


def test_a_receipt_moves_the_tip() -> None:
    heads = Heads(FACTS, NAMES[:2])
    for name in NAMES[:2]:
        told(heads, name, block(100), 0.0)
    heads.note("alchemy", 101, 0.5)
    assert heads.served(0.5) == 101


def test_an_absent_endpoint_is_not_waited_for() -> None:
    heads = Heads(FACTS, NAMES[:2])
    for name in NAMES[:2]:
        told(heads, name, block(100), 0.0)
    heads.appear("infura", 0.0, is_present=False)
    told(heads, "alchemy", block(101), 1.0)
    assert heads.served(1.0) == 101
