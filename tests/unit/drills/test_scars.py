"""What a drill breaks is on disk before it is broken, and is undone by whoever comes next.

Between: drills.scars and a directory of its own; nothing runs.
"""

import json
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from audifi.drills import scars
from audifi.drills.journey.stage import Stage
from audifi.drills.scars import Scar, Told, scarred
from audifi.local.errors import LocalError
from audifi.local.state import Instance


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A stage on which nothing runs: scars need its instance alone."""
    return cast("Stage", SimpleNamespace(instance=Instance.at(tmp_path)))


async def undo(stage: Stage, told: Told) -> None:
    """Note what it was told, beside the scars that are there while it undoes."""
    seen = {"told": dict(told), "scars": [each.what for each in scars.noted(stage.instance)]}
    with (stage.instance.path / "undone").open("a") as file:
        file.write(json.dumps(seen) + "\n")


def undone(stage: Stage) -> list[dict[str, object]]:
    path = stage.instance.path / "undone"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.asyncio
async def test_a_scar_is_on_disk_before_anything_is_broken_and_until_it_is_mended(stage: Stage) -> None:
    async with scarred(stage, "a pod is frozen", undo, pid=12):
        assert [each.told for each in scars.noted(stage.instance)] == [{"pid": 12}]
        assert not undone(stage)
    assert undone(stage) == [{"told": {"pid": 12}, "scars": ["a pod is frozen"]}]
    assert not scars.noted(stage.instance)


@pytest.mark.asyncio
async def test_a_drill_that_breaks_off_is_mended(stage: Stage) -> None:
    async def broken_off() -> None:
        async with scarred(stage, "a pod is frozen", undo):
            raise KeyError("a bug in the drill")

    with pytest.raises(KeyError):
        await broken_off()
    assert len(undone(stage)) == 1
    assert not scars.noted(stage.instance)


@pytest.mark.asyncio
async def test_scars_in_each_other_are_mended_from_the_inside(stage: Stage) -> None:
    async with AsyncExitStack() as both:
        await both.enter_async_context(scarred(stage, "the sabotage", undo))
        await both.enter_async_context(scarred(stage, "the fault", undo))
    assert [each["scars"] for each in undone(stage)] == [["the sabotage", "the fault"], ["the sabotage"]]


@pytest.mark.asyncio
async def test_what_cannot_be_mended_stays_noted(stage: Stage) -> None:
    """The next drill, or `audifi drill heal`, tries again."""
    async with AsyncExitStack() as left:
        await left.enter_async_context(scarred(stage, "a pod is frozen", cannot))
        with pytest.raises(LocalError, match="does not answer"):
            await left.aclose()
    assert [each.what for each in scars.noted(stage.instance)] == ["a pod is frozen"]


async def cannot(stage: Stage, told: Told) -> None:
    raise LocalError(f"{stage.instance.path} does not answer {told}")


@pytest.mark.asyncio
async def test_only_functions_of_ours_mend(stage: Stage) -> None:
    """A file that anybody may have written must not decide what is called."""
    scar = Scar(name="a", what="something", undo="os:system", told={})
    (stage.instance.path / "scars.json").write_text(json.dumps([{**vars(scar)}]))
    with pytest.raises(LocalError, match=r"os:system is no function of audifi\.drills"):
        await scars.heal(stage)


def test_one_drill_at_a_time(stage: Stage) -> None:
    with scars.alone(stage.instance), pytest.raises(LocalError, match="another drill runs"):
        scars.alone(stage.instance).__enter__()
    with scars.alone(stage.instance):
        pass
