"""Judge an append-only file before Redis does: whole, cut at its end, or damaged inside.

Between: queue (restores), components.redis_queue (looks before it starts) and redis-check-aof.
Why not leave it to Redis: a length damaged in the middle makes it ask for bytes beyond the end, which looks to it like
a write that a crash cut off; with `aof-load-truncated` it then drops everything behind, without a word to us. So an
unfinished end is believed only when no further command begins in it.
Invariant: a repair drops an unfinished last command and nothing else; anything else is Damaged, and stays as it is.
Units: *_bytes, offsets in bytes.
Errors: Damaged says which file, where, what to do.
Limits: the base file carries a checksum, commands do not: a value whose bytes changed and whose length did not is
taken for what was written.
Source: https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/ (multi-part AOF, manifest).
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audifi.local.binaries import binary
from audifi.local.errors import LocalError

FOLDER: Final = "appendonlydir"
MANIFEST: Final = "appendonly.aof.manifest"
BASE: Final = "appendonly.aof.1.base.rdb"
# "\r\n*3\r\n$4\r\nXADD": only the beginning of a command looks like this.
_COMMAND: Final = re.compile(rb"\*[1-9]\d*\r\n\$[1-9]\d*\r\n[A-Za-z]")
# The tool ends a file it read with: AOF analyzed: filename=…, size=512, ok_up_to=480, …
_ANALYZED: Final = re.compile(r"filename=(\S+), size=(\d+), ok_up_to=(\d+)")


class Damaged(LocalError):
    """An append-only file is damaged."""


@dataclass(frozen=True)
class Judged:
    """What is in a directory of a Redis."""

    exists: bool
    cut: Path | None = None  # the file whose end is unfinished
    good_bytes: int = 0  # of that file
    lost_bytes: int = 0


def judged(directory: Path) -> Judged:
    """Look at the append-only files below a Redis' directory; nothing is changed.

    Raises: Damaged.
    """
    manifest = directory / FOLDER / MANIFEST
    if not manifest.exists():
        return Judged(exists=False)
    said = _checked(manifest)
    if said.returncode == 0:
        return Judged(exists=True)
    text = said.stdout + said.stderr
    found = _ANALYZED.findall(text)
    if not found:
        raise Damaged(_damaged(manifest, text.strip().splitlines()[-1:] or ["no reason given"]))
    name, size, good = found[-1]
    path = manifest.parent / Path(name).name
    last = _names(manifest)[-1]
    rest = _from(path, int(good))
    if path.name != last or path.suffix == ".rdb" or _COMMAND.search(rest, 1):
        raise Damaged(_damaged(path, [f"{good} of {size} bytes are good, and more follows"]))
    return Judged(exists=True, cut=path, good_bytes=int(good), lost_bytes=int(size) - int(good))


def repair(directory: Path) -> int:
    """Drop an unfinished last command; return how many bytes that were.

    Raises: Damaged.
    """
    found = judged(directory)
    if found.cut is not None:
        with found.cut.open("r+b") as file:
            file.truncate(found.good_bytes)
    return found.lost_bytes


def lay(directory: Path, snapshot: Path) -> None:
    """Make a snapshot the base of a new append-only file: a server that starts here loads it."""
    folder = directory / FOLDER
    folder.mkdir(mode=0o700, parents=True)
    snapshot.rename(folder / BASE)
    (folder / MANIFEST).write_text(f"file {BASE} seq 1 type b\n")


def _checked(manifest: Path) -> "subprocess.CompletedProcess[str]":
    asked = [str(binary("redis-check-aof")), str(manifest)]
    return subprocess.run(asked, capture_output=True, text=True, check=False, errors="replace")


def _names(manifest: Path) -> list[str]:
    # "file appendonly.aof.2.incr.aof seq 2 type i", in the order of loading
    return [line.split()[1] for line in manifest.read_text().splitlines() if line.startswith("file ")]


def _from(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read()


def _damaged(path: Path, words: list[str]) -> str:
    return (
        f"{path} is damaged inside: {' '.join(words)}. It is left as it is. The other server may have it all: "
        "./audifi restore queue --in-place takes what is whole: that, or else the newest snapshot"
    )
