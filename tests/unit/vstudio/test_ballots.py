"""A vote says what its decision asks, and nothing else."""

import pytest

from audifi.services.vstudio.errors import Invalid
from audifi.services.vstudio.rules.ballots import Content, judged
from audifi.services.vstudio.rules.deciding import DecisionType, Slider

OPTIONS = ("a", "b", "c")
SLIDER = Slider(min=-1, max=1, step=0.1)


def _judged(kind: DecisionType, said: Content) -> Content:
    return judged(kind, OPTIONS, SLIDER if kind == "SLIDER" else None, said)


@pytest.mark.parametrize(
    ("kind", "said", "meant"),
    [
        ("POLL", Content(choice="b"), Content(choice="b")),
        ("BINARY", Content(choice="1"), Content(choice="b")),
        ("SLIDER", Content(value=0.3), Content(value=0.3)),
        ("SLIDER", Content(value=-1), Content(value=-1)),
        ("RANKING", Content(ranking=("c", "0")), Content(ranking=("c", "a"))),
        ("OPEN_TEXT", Content(text=" x "), Content(text="x")),
    ],
)
def test_what_is_asked_counts(kind: DecisionType, said: Content, meant: Content) -> None:
    assert _judged(kind, said) == meant


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("POLL", Content()),
        ("POLL", Content(choice="d")),
        ("POLL", Content(choice="3")),
        ("POLL", Content(choice="-1")),
        ("POLL", Content(choice="a", value=1)),
        ("POLL", Content(ranking=("a",))),
        ("SLIDER", Content(value=0.35)),
        ("SLIDER", Content(value=1.1)),
        ("SLIDER", Content(value=float("nan"))),
        ("SLIDER", Content(value=float("inf"))),
        ("RANKING", Content(ranking=())),
        ("RANKING", Content(ranking=("a", "a"))),
        ("RANKING", Content(ranking=("a", "0"))),
        ("RANKING", Content(ranking=("a", "b", "c", "a"))),
        ("OPEN_TEXT", Content(text=" ")),
        ("OPEN_TEXT", Content(text="x" * 1001)),
        ("OPEN_TEXT", Content(text="a\x00b")),
    ],
)
def test_anything_else_is_refused(kind: DecisionType, said: Content) -> None:
    with pytest.raises(Invalid) as refused:
        _judged(kind, said)
    assert refused.value.details
