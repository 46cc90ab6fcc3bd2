"""An endpoint is left out when it deserves it, and comes back when probes say so.

Between: clients.chain.pool.health, budget, choice (pure).
"""

from hypothesis import given
from hypothesis import strategies as st

from audifi.clients.chain.pool.budget import BURST, OVERDRAFT, SHARE, Bucket, SecondTries
from audifi.clients.chain.pool.choice import HEDGE_S, choose, hedge_s
from audifi.clients.chain.pool.health import FAILURES_RUN, PROBES_MAX, PROBES_MIN, Health, Rank, Standing


def verified() -> Health:
    health = Health()
    health.is_verified = True
    return health


def fallen(now_s: float = 0.0) -> Health:
    health = verified()
    for _ in range(FAILURES_RUN):
        health.failed(now_s)
    assert health.is_open
    return health


def probe(health: Health, now_s: float, elapsed_s: float = 0.01, *, is_alone: bool = False) -> bool:
    return health.probed(elapsed_s, now_s, best_s=0.01, is_alone=is_alone)


def test_a_run_of_failures_opens_the_breaker() -> None:
    health = verified()
    assert [health.failed(0.0) for _ in range(FAILURES_RUN)] == [False] * (FAILURES_RUN - 1) + [True]
    assert health.rank() is Rank.UNUSABLE


def test_every_third_failure_opens_it_too() -> None:
    health = verified()
    opened = [
        health.failed(0.1 * n) if n % 3 == 0 else health.answered(0.01, 0.1 * n, is_heavy=False) for n in range(40)
    ]
    assert True in opened


@given(st.lists(st.booleans(), max_size=100), st.floats(0.01, 1))
def test_answers_never_close_what_probes_must(outcomes: list[bool], step_s: float) -> None:
    health, now_s = fallen(), 1.0
    for is_good in outcomes:
        now_s += step_s
        if is_good:
            health.answered(0.01, now_s, is_heavy=False)
        else:
            health.failed(now_s)
        assert health.is_open


def test_good_probes_close_it() -> None:
    health = fallen()
    assert [probe(health, 0.5 * n) for n in range(PROBES_MIN)] == [False] * (PROBES_MIN - 1) + [True]
    assert health.rank() is Rank.GOOD


def test_a_failed_probe_begins_anew() -> None:
    health = fallen()
    probe(health, 0.5)
    health.failed(1.0)
    assert not probe(health, 1.5)
    assert probe(health, 2.0)


def test_nobody_else_left_means_one_good_probe() -> None:
    assert probe(fallen(), 0.5, is_alone=True)


def test_who_flaps_needs_more_each_time_but_never_too_many() -> None:
    health, now_s, needed = fallen(), 0.0, list[int]()
    for _ in range(5):
        probes = 0
        while health.is_open:
            now_s += 0.5
            probes += 1
            probe(health, now_s)
        needed.append(probes)
        for _ in range(FAILURES_RUN):
            health.failed(now_s)
    assert needed == [PROBES_MIN, 4, PROBES_MAX, PROBES_MAX, PROBES_MAX]


def test_three_silences_demote_and_probes_promote() -> None:
    health = verified()
    assert [health.lost(0.06, 0.0, is_heavy=False, had_stalled=True) for _ in range(3)] == [False, False, True]
    assert health.rank() is Rank.SLOW
    assert not probe(health, 0.5, elapsed_s=0.8)
    probe(health, 1.0)
    assert probe(health, 1.5)
    assert health.rank() is Rank.GOOD


def test_an_answer_between_silences_clears_them() -> None:
    health = verified()
    for n in range(12):
        health.lost(0.06, float(n), is_heavy=False, had_stalled=True)
        health.answered(0.06, float(n), is_heavy=False)
    assert health.rank() is Rank.GOOD


def test_an_endpoint_rests_as_long_as_it_asks_and_grows_wary() -> None:
    health = verified()
    health.rest(Standing.RATE_LIMITED, None, 100.0)
    health.rest(Standing.RATE_LIMITED, None, 100.1)  # in flight then: no second offence
    assert health.rest_until_s == 101.1
    probe(health, 101.2)
    assert health.rank() is Rank.GOOD
    health.rest(Standing.RATE_LIMITED, None, 101.3)
    assert health.rest_until_s == 103.3
    health.rest(Standing.RATE_LIMITED, 30.0, 104.0)
    assert health.rest_until_s == 134.0


def test_a_quota_rests_until_its_reset_and_a_refused_key_ever_longer() -> None:
    health = verified()
    health.rest(Standing.QUOTA, None, 0.0, reset_in_s=120.0)
    assert health.rest_until_s == 120.0
    health = verified()
    health.rest(Standing.KEY_REFUSED, None, 0.0)
    assert health.rest_until_s == 60.0
    health.rest(Standing.KEY_REFUSED, None, 60.0)
    assert health.rest_until_s == 180.0


class Place:
    """An endpoint as the choice sees it."""

    def __init__(self, name: str, rank: str = "good", *, is_rich: bool = True) -> None:
        self.name, self.is_rich = name, is_rich
        self.health = verified()
        self.health.light.reset(0.01 if name == "a" else 0.02)
        self.health.is_slow = rank == "slow"
        self.health.is_open = rank == "open"

    def has_budget(self, method: str, now_s: float) -> bool:  # noqa: ARG002
        return self.is_rich

    def lacks(self, method: str, now_s: float) -> bool:  # noqa: ARG002
        return False


class Level:
    """Heads of which some are behind or forked."""

    def __init__(self, behind: str = "", forked: str = "") -> None:
        self._behind, self._forked = behind, forked

    def able(self, name: str, height: int | None) -> bool:  # noqa: ARG002
        return name not in self._behind

    def is_forked(self, name: str) -> bool:
        return name in self._forked


def chosen(*places: Place, level: Level | None = None, excluded: str = "") -> str | None:
    found = choose(places, level or Level(), 0.0, method="eth_call", height=1, excluded=set(excluded))
    return found.name if found else None


def test_the_first_sound_endpoint_is_chosen() -> None:
    assert chosen(Place("a"), Place("b")) == "a"
    assert chosen(Place("a", "slow"), Place("b")) == "b"
    assert chosen(Place("a", "open"), Place("b")) == "b"
    assert chosen(Place("a", is_rich=False), Place("b")) == "b"
    assert chosen(Place("a"), Place("b"), level=Level(behind="a")) == "b"
    assert chosen(Place("a"), Place("b"), level=Level(forked="a")) == "b"
    assert chosen(Place("a"), Place("b"), excluded="a") == "b"


def test_a_poor_choice_is_better_than_none_but_a_forked_one_is_not() -> None:
    assert chosen(Place("a", "slow"), Place("b", "open")) == "a"
    assert chosen(Place("a", is_rich=False), Place("b", "slow")) == "b"
    assert chosen(Place("a"), level=Level(behind="a")) == "a"
    assert chosen(Place("a"), level=Level(forked="a")) is None


@given(st.lists(st.floats(0, 10), min_size=1, max_size=20))
def test_the_hedge_stays_within_its_bounds_and_follows_the_best(latencies: list[float]) -> None:
    slow, fast = verified(), verified()
    for each in latencies:
        slow.light.add(each)
    fast.light.reset(0.01)
    assert HEDGE_S[0] <= hedge_s([slow], is_heavy=False) <= HEDGE_S[1]
    assert hedge_s([slow, fast], is_heavy=False) <= 2 * fast.light.bound_s() + HEDGE_S[0]


@given(st.lists(st.sampled_from(["call", "spend", "overdraw"]), max_size=400))
def test_second_tries_never_exceed_their_share(steps: list[str]) -> None:
    tries, calls, spent = SecondTries(), 0, 0
    for step in steps:
        if step == "call":
            tries.earn()
            calls += 1
        else:
            spent += tries.spend() if step == "spend" else tries.overdraw()
        assert spent <= BURST + OVERDRAFT + SHARE * calls + 1e-6


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 80)), max_size=100))
def test_a_bucket_gives_no_more_than_the_plan(steps: list[tuple[float, int]]) -> None:
    bucket, now_s, spent = Bucket(100.0), 0.0, 0
    for later_s, units in steps:
        now_s += later_s
        if bucket.has(units, now_s):
            bucket.pay(units, now_s)
            spent += units
        assert spent <= 80.0 * (10 + now_s) + 1e-6


def test_without_a_plan_a_bucket_is_never_empty() -> None:
    bucket = Bucket()
    bucket.pay(10**9, 0.0)
    assert bucket.has(10**9, 0.0)
    assert bucket.left(0.0) is None
