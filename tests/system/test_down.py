"""What `audifi down` leaves: nothing that runs, listens or lies about.

Between: audifi.local.held (starts and stops an instance of its own) and /proc.
"""

import socket
from pathlib import Path

import pytest

from audifi.local import process
from audifi.local.files import remove_tree
from audifi.local.held import held
from audifi.local.ports import LOOPBACK

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_is_left_behind(tmp_path_factory: pytest.TempPathFactory) -> None:
    name = f"test-down-{tmp_path_factory.getbasetemp().name}"
    path = ROOT / ".audifi" / name
    temporary = set(Path("/tmp").iterdir())  # noqa: S108  # looked at, not used
    with held(path, ("auth-service",)) as running:
        instance = running.instance
        numbers = list(instance.ports.all().values())
        assert process.belonging_to(instance.path)
    assert not process.belonging_to(instance.path)
    listening = [number for number in numbers if _listens(number)]
    assert not listening, f"somebody still listens on {listening}"
    sockets = [each for each in instance.path.rglob("*") if each.is_socket()]
    assert not sockets
    ours = [each for each in set(Path("/tmp").iterdir()) - temporary if "audifi" in each.name]  # noqa: S108
    assert not ours
    remove_tree(instance.path)


def _listens(number: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, number)) == 0
