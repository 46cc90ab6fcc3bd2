"""Doctor a good history in one place at a time: the judge of the failover benchmark must find each fault, and no other.

Between: benchmarks.failover.judge and made-up runs: a block a second, ten calls a second, a fault from 5 s to 10 s.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from benchmarks.failover.judge import BACK_WITHIN_S, LAG_BLOCKS_MAX, Call, Head, History, Sample, Verdict, judged

FIRST = 100
BROKEN, HEALED, END = 5.0, 10.0, 22.0


def block_hash(number: int) -> str:
    return f"0x{number:064x}"


def head_at(moment: float) -> int:
    return FIRST + int(moment)


def good_call(at: float) -> Call:
    number = head_at(at)
    return Call(at=at, ms=10, ok=True, height=number, hash=block_hash(number), parent=block_hash(number - 1))


def good_history() -> History:
    """Nothing wrong: during the fault everything goes to the second, afterwards to the primary again."""

    def asked(moment: float) -> Sample:
        away = min(max(moment - BROKEN, 0.0), HEALED - BROKEN)
        return Sample(moment, {"alchemy": round((moment - away) * 10), "infura": round(away * 10)})

    return History(
        calls=[good_call(number / 10) for number in range(int(END * 10))],
        heads=[Head(float(second), head_at(second), block_hash(head_at(second))) for second in range(int(END))],
        samples=[asked(step / 4) for step in range(int(END * 4) + 1)],
        broken=BROKEN,
        healed=HEALED,
        end=END,
    )


def doctored(at: float, change: Callable[[Call], Call]) -> Verdict:
    """Judge the good history with the call of that moment changed."""
    history = good_history()
    calls = [change(call) if abs(call.at - at) < 0.01 else call for call in history.calls]
    return judged(replace(history, calls=calls))


def older(call: Call, blocks: int) -> Call:
    """The same answer by a node that is so many blocks behind on the same chain."""
    number = (call.height or 0) - blocks
    return replace(call, height=number, hash=block_hash(number), parent=block_hash(number - 1))


def counts(verdict: Verdict) -> tuple[int, int, int, int]:
    return verdict.errors, verdict.stale, verdict.backward, verdict.foreign


def test_a_good_run_has_nothing_to_report() -> None:
    verdict = judged(good_history())

    assert counts(verdict) == (0, 0, 0, 0)
    assert verdict.bad == 0
    assert (verdict.calls, verdict.fault_calls, verdict.slow) == (220, 50, 0)
    assert (verdict.fault_p50_ms, verdict.fault_p99_ms, verdict.control_p99_ms) == (10, 10, 10)
    assert (verdict.back_share, verdict.back_s, verdict.healthy_after_s) == (1.0, 1.0, 0.0)
    assert verdict.primary_share == 0
    assert verdict.upstream_per_call == pytest.approx(1, abs=0.02)


def test_an_error_is_found_with_what_it_said() -> None:
    verdict = doctored(7, lambda call: Call(at=call.at, ms=3, ok=False, error="refused"))

    assert counts(verdict) == (1, 0, 0, 0)
    assert verdict.reasons == {"refused": 1}


def test_a_stale_head_is_found_and_is_backward_too() -> None:
    assert counts(doctored(7, lambda call: older(call, 20))) == (0, 1, 1, 0)


def test_a_head_as_old_as_the_chain_allows_is_backward_but_not_stale() -> None:
    assert counts(doctored(7, lambda call: older(call, LAG_BLOCKS_MAX))) == (0, 0, 1, 0)


def test_answers_that_overlap_may_cross() -> None:
    """The caller asked for the older one before it held the newer one."""
    crossed = doctored(6.9, lambda call: replace(call, ms=500))

    assert counts(crossed) == (0, 0, 0, 0)
    assert crossed.slow == 1


def test_a_caller_that_waited_long_is_judged_by_the_head_when_it_asked() -> None:
    assert counts(doctored(5, lambda call: replace(call, ms=9000))) == (0, 0, 0, 0)


def test_the_first_answer_can_be_stale_but_not_backward() -> None:
    assert counts(doctored(0, lambda call: older(call, 3))) == (0, 1, 0, 0)


def newer(call: Call) -> Call:
    """An eth_call's answer that speaks of the next block."""
    return replace(older(call, -1), hash=None)


def test_a_block_mined_while_a_call_was_under_way_binds_nobody() -> None:
    """Anvil's slip: asked about N, it answers with N + 1, and the next call about N is right."""
    assert counts(doctored(7.8, newer)) == (0, 0, 0, 0)


def test_a_block_asked_for_by_name_binds_its_caller() -> None:
    """The two calls that follow in the same second are answered from the block before."""
    assert counts(doctored(7.7, lambda call: older(call, -1))) == (0, 0, 2, 0)


@pytest.mark.parametrize("part", ["hash", "parent"])
def test_a_block_of_another_fork_is_found(part: str) -> None:
    assert counts(doctored(7, lambda call: replace(call, **{part: block_hash(999)}))) == (0, 0, 0, 1)


def test_a_block_that_nobody_saw_on_the_chain_is_not_judged_foreign() -> None:
    assert counts(doctored(21.9, lambda call: replace(call, height=FIRST + 30, hash=block_hash(999)))) == (0, 0, 0, 0)


def test_a_slow_answer_counts_in_the_tail_of_the_fault_only() -> None:
    verdict = doctored(7, lambda call: replace(call, ms=800))

    assert (verdict.slow, verdict.fault_p99_ms, verdict.fault_max_ms, verdict.control_p99_ms) == (1, 800, 800, 10)
    assert verdict.fault_p50_ms == 10


def test_trouble_after_healing_is_timed() -> None:
    verdict = doctored(13, lambda call: replace(call, ms=900))

    assert verdict.healthy_after_s == pytest.approx(3)


def test_traffic_that_stays_away_is_seen() -> None:
    history = good_history()
    stuck = [Sample(each.at, {"alchemy": 50, "infura": round(each.at * 10)}) for each in history.samples]
    verdict = judged(replace(history, samples=stuck))

    assert (verdict.back_share, verdict.back_s) == (0.0, None)


def test_traffic_that_comes_back_late_is_timed() -> None:
    history = good_history()

    def asked(moment: float) -> Sample:
        back = max(moment - HEALED - 4, 0)
        return Sample(moment, {"alchemy": round(back * 10), "infura": round((moment - back) * 10)})

    verdict = judged(replace(history, samples=[asked(each.at) for each in history.samples]))

    assert (verdict.back_share, verdict.back_s) == (1.0, 5.0)
    assert HEALED + BACK_WITHIN_S < END, "the share is taken before the run ends"


def test_a_client_that_keeps_the_newest_block_is_measured_by_its_other_calls() -> None:
    history = good_history()
    calls = [replace(call, kind="block") if number % 10 == 5 else call for number, call in enumerate(history.calls)]
    verdict = judged(replace(history, calls=calls))

    assert verdict.upstream_per_call == pytest.approx(1, abs=0.02)
    assert verdict.upstream_per_new_call == pytest.approx(1 / 0.9, abs=0.02)


def test_requests_that_reach_the_broken_primary_are_counted_against_the_calls() -> None:
    history = good_history()
    # Half of the fault's requests go to the primary first: 25 of 50 calls.
    samples = [
        Sample(each.at, {**each.requests, "alchemy": each.requests["alchemy"] + round(min(max(each.at - 5, 0), 5) * 5)})
        for each in history.samples
    ]
    verdict = judged(replace(history, samples=samples))

    assert verdict.primary_share == pytest.approx(0.5, abs=0.05)
    assert verdict.upstream_per_call == pytest.approx(245 / 220, abs=0.02)


def test_a_run_in_which_nothing_was_answered_has_no_tail() -> None:
    history = good_history()
    verdict = judged(
        replace(history, calls=[Call(at=call.at, ms=1, ok=False, error="x") for call in history.calls], samples=[])
    )

    assert (verdict.errors, verdict.fault_p99_ms, verdict.back_share) == (220, None, None)
