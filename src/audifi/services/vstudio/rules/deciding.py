"""Check what an artist asks a decision to be, and what a vote says.

Between: routes.decisions and sagas.deciding (new decisions), votes (each vote).
Shape: options are named by the letters a, b, c … in their order; accepted contributions go on.
Errors: Invalid, naming the field.
Source: domain.md 2.3 (options 2-10, BINARY 2, slider {min, max, step}).
"""

import math
from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec

from audifi.services.vstudio.errors import Invalid

DecisionType = Literal["POLL", "BINARY", "SLIDER", "RANKING", "OPEN_TEXT"]
OPTIONS_MIN: Final = 2
OPTIONS_MAX: Final = 10
TEXT_CHARS_MAX: Final = 1000
STEPS_MAX: Final = 10_000
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"

# One line of text: no control characters (Postgres refuses NUL).
LINE: Final = r"^[^\u0000-\u001f\u007f-\u009f]*$"
Url = Annotated[str, msgspec.Meta(pattern=r"^https://[^\s\u0000-\u001f\u007f-\u009f]{1,1990}\Z")]


class NewOption(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """One thing that may be chosen."""

    label: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=LINE)]
    image_url: Url | None = None
    audio_url: Url | None = None


class Option(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """One thing that may be chosen, with its name in votes."""

    id: str
    label: str
    image_url: str | None = None
    audio_url: str | None = None
    contribution_id: str | None = None


class Slider(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """Between which numbers, in which steps from `min`."""

    min: float
    max: float
    step: float = 1


def named(options: Sequence[NewOption]) -> tuple[Option, ...]:
    """Give options their names."""
    return tuple(
        Option(id=_LETTERS[place], label=each.label, image_url=each.image_url, audio_url=each.audio_url)
        for place, each in enumerate(options)
    )


def next_name(options: Sequence[Option]) -> str:
    """Return the name of one more option."""
    taken = {each.id for each in options}
    return next(letter for letter in _LETTERS if letter not in taken)


def check(type_: DecisionType, options: Sequence[NewOption], slider: Slider | None) -> None:
    """Refuse a decision that cannot be voted on."""
    if (type_ == "SLIDER") != (slider is not None):
        raise Invalid(details={"slider": "a SLIDER has one, and nothing else has"})
    if slider is not None:
        _check_slider(slider)
    count = len(options)
    match type_:
        case "SLIDER" | "OPEN_TEXT":
            if count:
                raise Invalid(details={"options": f"a {type_} has none"})
        case "BINARY":
            if count != OPTIONS_MIN:
                raise Invalid(details={"options": "a BINARY has two"})
        case _:
            if not OPTIONS_MIN <= count <= OPTIONS_MAX:
                raise Invalid(details={"options": f"{OPTIONS_MIN} to {OPTIONS_MAX}"})
    if len({each.label.strip().casefold() for each in options}) != count:
        raise Invalid(details={"options": "no two labels are the same"})


def is_on_scale(slider: Slider, value: float) -> bool:
    """Whether a number is one of the slider's, as far as floats can say."""
    if not math.isfinite(value) or not slider.min <= value <= slider.max:
        return False
    steps = (value - slider.min) / slider.step
    return abs(steps - round(steps)) < 1e-6


def _check_slider(slider: Slider) -> None:
    numbers = (slider.min, slider.max, slider.step)
    if not all(math.isfinite(each) and abs(each) <= 1e9 for each in numbers):
        raise Invalid(details={"slider": "numbers up to a billion"})
    if slider.step <= 0 or slider.max <= slider.min or (slider.max - slider.min) / slider.step > STEPS_MAX:
        raise Invalid(details={"slider": f"min < max, at most {STEPS_MAX} steps between them"})
