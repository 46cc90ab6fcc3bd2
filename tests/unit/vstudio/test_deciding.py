"""A decision is one that can be voted on; addresses and options get names of their own."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.services.vstudio.errors import Invalid
from audifi.services.vstudio.rules import deciding, naming
from audifi.services.vstudio.rules.deciding import DecisionType, NewOption, Option, Slider


def options(count: int) -> tuple[NewOption, ...]:
    return tuple(NewOption(label=f"Option {place}") for place in range(count))


@pytest.mark.parametrize(
    ("type_", "count", "slider"),
    [
        ("POLL", 2, None),
        ("POLL", 10, None),
        ("BINARY", 2, None),
        ("RANKING", 3, None),
        ("SLIDER", 0, Slider(min=0, max=10)),
        ("SLIDER", 0, Slider(min=-1, max=1, step=0.1)),
        ("OPEN_TEXT", 0, None),
    ],
)
def test_what_can_be_voted_on_passes(type_: DecisionType, count: int, slider: Slider | None) -> None:
    deciding.check(type_, options(count), slider)


@pytest.mark.parametrize(
    ("type_", "count", "slider"),
    [
        ("POLL", 1, None),
        ("POLL", 11, None),
        ("POLL", 2, Slider(min=0, max=1)),
        ("BINARY", 3, None),
        ("RANKING", 0, None),
        ("SLIDER", 0, None),
        ("SLIDER", 2, Slider(min=0, max=1)),
        ("SLIDER", 0, Slider(min=1, max=1)),
        ("SLIDER", 0, Slider(min=0, max=1, step=0)),
        ("SLIDER", 0, Slider(min=0, max=1, step=-1)),
        ("SLIDER", 0, Slider(min=0, max=float("inf"))),
        ("SLIDER", 0, Slider(min=0, max=float("nan"))),
        ("SLIDER", 0, Slider(min=0, max=1e9, step=1e-3)),
        ("OPEN_TEXT", 2, None),
    ],
)
def test_what_cannot_be_voted_on_is_refused(type_: DecisionType, count: int, slider: Slider | None) -> None:
    with pytest.raises(Invalid):
        deciding.check(type_, options(count), slider)


def test_no_two_labels_are_the_same() -> None:
    with pytest.raises(Invalid):
        deciding.check("BINARY", (NewOption(label="Loud"), NewOption(label=" loud ")), None)


def test_options_are_named_by_letters_and_go_on() -> None:
    named = deciding.named(options(10))
    assert "".join(option.id for option in named) == "abcdefghij"
    assert deciding.next_name(named) == "k"
    assert deciding.next_name((Option(id="b", label="B"),)) == "a"


@given(st.integers(-100, 100), st.integers(1, 100), st.integers(0, 100))
def test_every_step_of_a_slider_is_on_it(low: int, steps: int, place: int) -> None:
    slider = Slider(min=low / 10, max=(low + steps) / 10, step=0.1)
    assert deciding.is_on_scale(slider, (low + place) / 10) == (place <= steps)
    assert not deciding.is_on_scale(slider, (low + place) / 10 + 0.05)


@given(st.text(max_size=200))
def test_every_title_makes_an_address(title: str) -> None:
    slug = naming.slug(title, "0193f5c4-7b6a-7c3e-9a51-2f4d8e6b1c02")
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*-4d8e6b1c02", slug)
    assert len(slug) <= 71
