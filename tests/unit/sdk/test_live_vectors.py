"""The machine does what the shared vectors say, input by input; web/src/live/test/vectors.test.ts holds the other one.

Between: tests/vectors/live/*.json and sdk.live.machine.
Shape: a vector is why it exists, the random numbers that are drawn, and steps: at, in → out, wakeAt.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from audifi.sdk.live.machine import Machine
from audifi.sdk.live.signals import Input

VECTORS = sorted((Path(__file__).resolve().parents[2] / "vectors/live").glob("*.json"))


def _vector(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_the_machine_keeps_the_vector(path: Path) -> None:
    vector = _vector(path)
    drawn = iter(vector["randoms"])
    machine = Machine(lambda: next(drawn))
    for number, step in enumerate(vector["steps"]):
        outputs = machine.take(step["at"], msgspec.convert(step["in"], Input))
        said = {"out": [msgspec.to_builtins(each) for each in outputs], "wakeAt": machine.wake_at}
        assert said == {"out": step["out"], "wakeAt": step["wakeAt"]}, f"step {number}: {step['in']}"
    assert list(drawn) == [], "fewer random numbers were drawn than the vector gives"


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_every_event_is_delivered_once_and_in_order(path: Path) -> None:
    """Of the vectors themselves: nobody wrote down a machine that repeats or skips."""
    last = -1
    for step in _vector(path)["steps"]:
        for frame in [each["frame"] for each in step["out"] if each["kind"] == "deliver"]:
            is_next = frame["type"] == "session_state" or frame["seq"] == last + 1
            assert is_next, frame
            assert frame["seq"] >= last
            last = frame["seq"]


def test_there_are_vectors() -> None:
    assert len(VECTORS) > 30
