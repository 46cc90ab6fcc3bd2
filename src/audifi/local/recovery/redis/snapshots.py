"""Take a snapshot of every primary, keep it encrypted, and open it again.

Between: kind (the schedule), cluster and queue (restore what is opened here), redis-cli and redis-check-rdb.
Shape: `<instance>/backups/<component>/<label>/`: a `<pod>.rdb.age` per primary and `manifest.json`, which names them
with their sizes, checksums and numbers of keys; the catalogue has the manifest's checksum.
Why over replication (`redis-cli --rdb`) and not BGSAVE and a copy: it needs the network and a password, no access to
a server's disk, so it is the same here and in a cluster; the server sends what it would send a replica.
Invariant: a directory with its final name is complete; all slots were covered by the primaries copied; the password
goes through redis-cli's standard input. Each primary is copied at its own moment, seconds apart.
Units: *_bytes, *_s seconds.
Errors: SnapshotFailed with what the program said; Damaged when what is kept is not what was written.
Source: https://redis.io/docs/latest/develop/tools/cli/ (remote backups of RDB files).
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from audifi.local.binaries import binary
from audifi.local.components.redis_server import ask
from audifi.local.errors import LocalError
from audifi.local.files import make_directory, remove_tree, write_private
from audifi.local.ports import LOOPBACK
from audifi.local.recovery.redis import sealing
from audifi.local.resolution import port, secret
from audifi.local.spawning import environment_of
from audifi.local.state import Instance
from audifi.local.waiting import NotReady
from audifi.topology.model.whole import Topology

MANIFEST: Final = "manifest.json"
PARTIAL: Final = ".partial"
LABEL: Final = "%Y%m%dT%H%M%S.%fZ"  # sorts by time
SLOTS: Final = 16384
CHUNK_BYTES: Final = 1 << 20
WITHIN_S: Final = 600.0  # one primary; a gigabyte takes half a minute
_KEYS: Final = re.compile(r"\[info\] (\d+) keys read")


class SnapshotFailed(LocalError):
    """A snapshot could not be taken."""


class Damaged(LocalError):
    """A snapshot is not what was written."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """The copy of one primary."""

    pod: str
    keys: int
    size_bytes: int  # of the encrypted file
    sha256: str  # of the encrypted file


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One backup of one component, on disk."""

    directory: Path
    component: str
    parts: tuple[Part, ...]

    @property
    def label(self) -> str:
        return self.directory.name

    @property
    def size_bytes(self) -> int:
        return sum(part.size_bytes for part in self.parts)

    @property
    def keys(self) -> int:
        return sum(part.keys for part in self.parts)

    def checksum(self) -> str:
        return f"sha256:{sha256(self.directory / MANIFEST)}"

    def file(self, part: Part) -> Path:
        return self.directory / f"{part.pod}.rdb.age"


def place(instance: Instance, component: str) -> Path:
    """Where this component's snapshots are."""
    return instance.path / "backups" / component


async def take(instance: Instance, topology: Topology, component: str) -> Snapshot:
    """Copy every primary now.

    Raises: SnapshotFailed, NotReady when a primary does not answer.
    """
    primaries = await _primaries(instance, topology, component)
    folder = make_directory(place(instance, component), mode=0o700)
    for left in folder.glob(f"*{PARTIAL}"):  # of a run that was ended
        remove_tree(left)
    label = datetime.now(UTC).strftime(LABEL)
    work = make_directory(folder / f"{label}{PARTIAL}", mode=0o700)
    try:
        parts = [await _copied(instance, topology, pod, work) for pod in primaries]
        told = {"component": component, "label": label, "parts": [asdict(part) for part in parts]}
        write_private(work / MANIFEST, json.dumps(told, indent=1) + "\n")
        work.rename(folder / label)
    finally:
        remove_tree(work)
    return Snapshot(directory=folder / label, component=component, parts=tuple(parts))


def read(directory: Path) -> Snapshot:
    """What a directory says it holds.

    Raises: Damaged.
    """
    try:
        told = json.loads((directory / MANIFEST).read_text())
        parts = tuple(Part(**part) for part in told["parts"])
        return Snapshot(directory=directory, component=told["component"], parts=parts)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{directory / MANIFEST} cannot be read ({error}): take another backup") from error


def kept(instance: Instance, component: str) -> list[Path]:
    """The directories of complete snapshots, oldest first."""
    folder = place(instance, component)
    return sorted(path for path in folder.glob("*Z") if (path / MANIFEST).exists())


async def verify(instance: Instance, snapshot: Snapshot) -> None:
    """Read all of it: checksums, key, format.

    Raises: Damaged, Unreadable.
    """
    with TemporaryDirectory(dir=snapshot.directory, prefix=".verifying-") as work:
        for part in snapshot.parts:
            (await opened(instance, snapshot, part, Path(work))).unlink()


async def opened(instance: Instance, snapshot: Snapshot, part: Part, work: Path) -> Path:
    """The plain RDB file of one primary, in `work`, checked.

    Raises: Damaged, Unreadable.
    """
    sealed = snapshot.file(part)
    if not sealed.exists() or await asyncio.to_thread(sha256, sealed) != part.sha256:
        raise Damaged(f"{sealed} is missing or was changed: its checksum is not the one in its manifest")
    plain = work / f"{part.pod}.rdb"
    await asyncio.to_thread(sealing.unseal, sealed, plain, instance)
    found = await _keys_in(plain)
    if found != part.keys:
        raise Damaged(f"{sealed} holds {found} keys, its manifest says {part.keys}")
    return plain


async def _primaries(instance: Instance, topology: Topology, component: str) -> list[str]:
    """The pods that are primaries now; all slots must be theirs."""
    password = secret(instance, topology, f"{component}-password")
    found: list[str] = []
    covered = 0
    is_cluster = component == topology.stores.redis_cluster.component
    for pod in topology.component(component).pods:
        number = port(instance, topology, pod, "redis")
        try:
            role, *_ = await ask(number, password, "ROLE")
            slots = await _own_slots(number, password) if is_cluster else SLOTS
        except NotReady:
            continue  # a dead one is none; whether that matters the slots say
        if role == "master" and slots:
            found.append(pod)
            covered += slots
    if covered != SLOTS:
        raise NotReady(f"the primaries of {component} that answer ({', '.join(found)}) have {covered} of {SLOTS} slots")
    return found


async def _own_slots(number: int, password: str) -> int:
    # "<id> 127.0.0.1:20001@20002 myself,master - 0 0 1 connected 0-5460 6000": slots from the ninth field on
    text = str(await ask(number, password, "CLUSTER", "NODES"))
    own = next(line.split() for line in text.splitlines() if "myself" in line)
    spans = [word.partition("-") for word in own[8:] if not word.startswith("[")]  # "[93-<-id]": on its way
    return sum(int(last or first) - int(first) + 1 for first, _, last in spans)


async def _copied(instance: Instance, topology: Topology, pod: str, work: Path) -> Part:
    component = pod.rpartition("-")[0]
    plain, sealed = work / f"{pod}.rdb", work / f"{pod}.rdb.age"
    plain.touch(mode=0o600)
    number = port(instance, topology, pod, "redis")
    password = secret(instance, topology, f"{component}-password")
    await _said(
        [binary("redis-cli"), "-h", LOOPBACK, "-p", str(number), "--askpass", "--rdb", plain],
        environment=environment_of(instance, {}, work),
        told=f"{password}\n",
    )
    keys = await _keys_in(plain)
    await asyncio.to_thread(sealing.seal, plain, sealed, instance)
    plain.unlink()
    return Part(pod=pod, keys=keys, size_bytes=sealed.stat().st_size, sha256=await asyncio.to_thread(sha256, sealed))


async def _keys_in(plain: Path) -> int:
    """How many keys a file has; its checksum is right."""
    said = await _said([binary("redis-check-rdb"), plain], environment={"LANG": "C.UTF-8"})
    found = _KEYS.search(said)
    if found is None:
        raise SnapshotFailed(f"redis-check-rdb says no number of keys of {plain.name}: {said[-300:]}")
    return int(found[1])


async def _said(argv: Sequence[str | Path], *, environment: dict[str, str], told: str = "") -> str:
    process = await asyncio.create_subprocess_exec(
        *argv,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(told.encode()), WITHIN_S)
    except TimeoutError as slow:
        raise SnapshotFailed(f"{Path(argv[0]).name} did not end within {WITHIN_S:g} s") from slow
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = output.decode(errors="replace").strip()
    if process.returncode != 0:
        raise SnapshotFailed(f"{Path(argv[0]).name} ended with {process.returncode}: {text[-500:]}")
    return text


def sha256(path: Path) -> str:
    """The checksum of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
