"""An append-only file is mended only where a crash cut it; what a cluster's slots are in another shape.

Between: tests, local.recovery.redis.aof (with redis-check-aof, on files) and cluster.
"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audifi.local.recovery.redis import aof
from audifi.local.recovery.redis.cluster import declared, even
from audifi.local.recovery.redis.snapshots import SLOTS
from audifi.topology.declaration import platform

NAME = "appendonly.aof.1.incr.aof"


def _command(*words: str) -> bytes:
    parts = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
    return f"*{len(words)}\r\n{parts}".encode()


COMMANDS = [_command("SELECT", "0"), *(_command("XADD", "events:a", f"{n}-1", "event", "x" * n) for n in range(1, 9))]
WHOLE = b"".join(COMMANDS)
ENDS = [sum(map(len, COMMANDS[:count])) for count in range(len(COMMANDS) + 1)]


def _laid(directory: Path, content: bytes) -> Path:
    folder = directory / aof.FOLDER
    folder.mkdir(exist_ok=True)
    (folder / aof.MANIFEST).write_text(f"file {NAME} seq 1 type i\n")
    (folder / NAME).write_bytes(content)
    return folder / NAME


# A cut leaves a file that begins with whole commands: redis-check-aof is a process, so few examples.
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(ENDS[1], len(WHOLE)))
def test_what_a_crash_cut_off_is_dropped_and_nothing_else(tmp_path: Path, cut: int) -> None:
    file = _laid(tmp_path, WHOLE[:cut])
    good = max(end for end in ENDS if end <= cut)
    assert aof.repair(tmp_path) == cut - good
    assert file.read_bytes() == WHOLE[:good]


@pytest.mark.parametrize("place", [2, 4, 7])
def test_a_length_that_reaches_beyond_the_end_is_damage_and_not_a_cut(tmp_path: Path, place: int) -> None:
    damaged = [*COMMANDS]
    damaged[place] = damaged[place].replace(b"$5\r\nevent", b"$50000\r\nevent")
    content = b"".join(damaged)
    file = _laid(tmp_path, content)
    with pytest.raises(aof.Damaged, match="restore queue"):
        aof.repair(tmp_path)
    assert file.read_bytes() == content, "it stays as it is"


def test_a_directory_without_a_file_has_none(tmp_path: Path) -> None:
    assert aof.judged(tmp_path) == aof.Judged(exists=False)


@pytest.mark.parametrize("masters", [1, 2, 3, 4, 7])
def test_slots_of_any_shape_are_shared_without_a_gap(masters: int) -> None:
    spans = even(masters)
    assert [slot for first, last in spans for slot in range(first, last + 1)] == list(range(SLOTS))


def test_the_declared_shape_is_the_designs() -> None:
    assert declared(platform("local")) == ((0, 5460), (5461, 10922), (10923, 16383))
