"""What votes come to: by the kind of decision, whatever their order and however they are grouped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.services.vstudio.rules import tallying
from audifi.services.vstudio.rules.tallying import Ballots, Results

OPTIONS = ("a", "b", "c")
weights = st.integers(1, 5000)
chosen = st.builds(Ballots, choice=st.sampled_from(OPTIONS), weight_milli=weights)
ranked = st.builds(Ballots, ranking=st.permutations(OPTIONS).map(tuple), weight_milli=weights)
slid = st.builds(Ballots, value=st.floats(-1e6, 1e6), weight_milli=weights)


def of(type_: str, *ballots: Ballots) -> Results:
    return tallying.results(type_, OPTIONS, ballots)


def test_a_poll_is_won_by_weight_not_by_heads() -> None:
    found = of("POLL", Ballots(choice="a", count=4, weight_milli=4000), Ballots(choice="b", weight_milli=5000))
    assert (found.results, found.weights) == ({"a": 4, "b": 1, "c": 0}, {"a": 4000, "b": 5000, "c": 0})
    assert (found.winner, found.is_tie, found.total_votes, found.total_weight) == ("b", False, 5, 9000)


def test_an_equal_top_is_a_tie_and_nobody_wins() -> None:
    found = of("POLL", Ballots(choice="a", weight_milli=2000), Ballots(choice="b", count=2, weight_milli=2000))
    assert (found.winner, found.is_tie) == (None, True)
    assert tallying.tops("POLL", found) == {"a", "b"}
    assert tallying.is_choice_needed("POLL", found)


def test_silence_is_no_tie_and_needs_a_choice() -> None:
    found = of("BINARY")
    assert (found.winner, found.is_tie, found.total_votes) == (None, False, 0)
    assert tallying.is_choice_needed("BINARY", found)
    assert not tallying.is_choice_needed("SLIDER", of("SLIDER"))


def test_a_ranking_is_counted_by_borda() -> None:
    found = of("RANKING", Ballots(ranking=("a", "b", "c")), Ballots(ranking=("b", "c", "a")), Ballots(ranking=("b",)))
    assert found.points == {"a": 2000, "b": 5000, "c": 1000}
    assert found.results == {"a": 1, "b": 2, "c": 0}
    assert found.winner == "b"


def test_a_slider_is_the_weighted_mean() -> None:
    found = of("SLIDER", Ballots(value=10, count=3, weight_milli=3000), Ballots(value=20, weight_milli=1000))
    assert found.mean == 12.5
    assert of("SLIDER").mean is None


def test_open_text_is_counted_only() -> None:
    found = of("OPEN_TEXT", Ballots(count=3, weight_milli=3000))
    assert (found.total_votes, found.results, found.winner) == (3, {}, None)


@pytest.mark.parametrize(("type_", "votes"), [("POLL", chosen), ("RANKING", ranked), ("SLIDER", slid)])
@given(data=st.data())
def test_the_order_of_votes_changes_nothing(data: st.DataObject, type_: str, votes: st.SearchStrategy[Ballots]) -> None:
    drawn = data.draw(st.lists(votes, max_size=20))
    shuffled = data.draw(st.permutations(drawn))
    assert of(type_, *drawn) == of(type_, *shuffled)


@given(st.lists(chosen, max_size=30))
def test_grouping_equal_votes_changes_nothing(drawn: list[Ballots]) -> None:
    grouped = [
        Ballots(
            choice=option,
            count=sum(each.choice == option for each in drawn),
            weight_milli=sum(each.weight_milli for each in drawn if each.choice == option),
        )
        for option in {each.choice for each in drawn}
    ]
    assert of("POLL", *drawn) == of("POLL", *grouped)


@given(st.lists(st.one_of(chosen, ranked), max_size=30), st.sampled_from(["POLL", "RANKING"]))
def test_nothing_is_lost_and_the_winner_is_on_top(drawn: list[Ballots], type_: str) -> None:
    found = of(type_, *drawn)
    assert sum(found.results.values()) == found.total_votes == len(drawn)
    assert sum(found.weights.values()) == found.total_weight == sum(each.weight_milli for each in drawn)
    if found.winner is not None:
        assert tallying.tops(type_, found) == {found.winner}
        assert not found.is_tie
    assert found.is_tie == (bool(drawn) and found.winner is None)


@given(st.lists(slid, min_size=1, max_size=30))
def test_a_mean_lies_between_its_votes(drawn: list[Ballots]) -> None:
    mean = of("SLIDER", *drawn).mean
    values = [each.value for each in drawn if each.value is not None]
    assert mean is not None
    assert min(values) <= mean <= max(values)


@given(st.lists(ranked, min_size=1, max_size=20))
def test_borda_points_are_all_given(drawn: list[Ballots]) -> None:
    found = of("RANKING", *drawn)
    assert sum(found.points.values()) == 3 * sum(each.weight_milli for each in drawn)  # 2 + 1 + 0
