"""Judge whether a vote says something its decision asks.

Between: sagas.voting (asks, before anything is written); pure.
Shape: POLL and BINARY take one option, SLIDER a value on its steps, RANKING each option at most once (those left out
come last), OPEN_TEXT a text. An option is named by its id, or by its place from 0, as old clients do.
Errors: Invalid, with the field.
Source: domain.md 2.3, 3 (choice, optionIndex).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from audifi.services.vstudio.errors import Invalid
from audifi.services.vstudio.rules import deciding
from audifi.services.vstudio.rules.deciding import DecisionType, Slider

_FIELD: Final[dict[DecisionType, str]] = {
    "POLL": "choice",
    "BINARY": "choice",
    "SLIDER": "value",
    "RANKING": "ranking",
    "OPEN_TEXT": "text",
}


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a vote says: exactly one of the four."""

    choice: str | None = None
    value: float | None = None
    ranking: tuple[str, ...] | None = None
    text: str | None = None


def judged(kind: DecisionType, options: Sequence[str], slider: Slider | None, said: Content) -> Content:
    """Return the vote with its options by id, or raise Invalid. `options`: their ids in order."""
    field = _FIELD[kind]
    given = [name for name in ("choice", "value", "ranking", "text") if getattr(said, name) is not None]
    if given != [field]:
        raise Invalid(details={field: "is what this decision asks for, and nothing else"})
    if said.choice is not None:
        return Content(choice=_option(options, said.choice, field))
    if said.ranking is not None:
        return Content(ranking=_ranking(options, said.ranking))
    if said.text is not None:
        return Content(text=_text(said.text))
    assert said.value is not None, "one of the four is given"
    assert slider is not None, "a slider has its ends"
    return Content(value=_value(slider, said.value))


def _option(options: Sequence[str], named: str, field: str) -> str:
    if named in options:
        return named
    if named.isascii() and named.isdecimal() and len(named) < 3 and int(named) < len(options):
        return options[int(named)]
    raise Invalid(details={field: "is none of the options"})


def _ranking(options: Sequence[str], named: Sequence[str]) -> tuple[str, ...]:
    found = tuple(_option(options, each, "ranking") for each in named[: len(options) + 1])
    if not found or len(set(found)) != len(found):
        raise Invalid(details={"ranking": "names each option at most once, and one at least"})
    return found


def _text(text: str) -> str:
    trimmed = text.strip()
    if not 1 <= len(trimmed) <= deciding.TEXT_CHARS_MAX or "\x00" in trimmed:
        raise Invalid(details={"text": f"has 1 to {deciding.TEXT_CHARS_MAX} characters"})
    return trimmed


def _value(slider: Slider, value: float) -> float:
    if not deciding.is_on_scale(slider, value):
        raise Invalid(details={"value": f"is from {slider.min:g} to {slider.max:g} in steps of {slider.step:g}"})
    return value
