"""What is an artist's or a producer's in a session is refused to everybody else who is one, and changes nothing.

Between: tests/agreement/access.toml (which operations those are), docs/openapi/vstudio.json (what to ask with).
Shape: each is asked of a live session by another artist and by a producer nobody named.
"""

import json
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
from tests.component.vstudio.sessions.driver import World

ROOT: Final = Path(__file__).resolve().parents[4]
TABLE: Final[dict[str, str]] = tomllib.loads((ROOT / "tests/agreement/access.toml").read_text())["vstudio-service"]
PATHS: Final = json.loads((ROOT / "docs/openapi/vstudio.json").read_text())["paths"]
OWNED: Final = sorted(name for name, row in TABLE.items() if row in {"A", "A|P"})

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _example(name: str) -> Any:
    method, _, path = name.partition(" ")
    told = PATHS["/v1" + path if "/v1" + path in PATHS else path][method.lower()].get("requestBody")
    return None if told is None else told["content"]["application/json"]["example"]


@pytest.mark.parametrize("name", OWNED)
async def test_a_stranger_may_not(world: World, name: str) -> None:
    artist = world.artist()
    session = await artist.goes_live()
    (hook,) = session["decisions"]
    before = await world.rows("SELECT * FROM vstudio.sessions WHERE id = $1", session["id"])
    method, _, path = name.partition(" ")
    for place, value in (("{id}", session["id"]), ("{did}", hook["id"])):
        path = path.replace(place, value)
    for stranger in (world.artist(), world.someone("PRODUCER")):
        answer = await stranger.send(
            method, path.replace("{cid}", hook["id"]).replace("{line}", hook["id"]), _example(name)
        )
        assert answer.code in {"FORBIDDEN", "NOT_FOUND"}, (name, answer.body)
    assert await world.rows("SELECT * FROM vstudio.sessions WHERE id = $1", session["id"]) == before
    assert (await artist.get(f"/vstudio/sessions/{session['id']}")).data["decisions"] == session["decisions"]
