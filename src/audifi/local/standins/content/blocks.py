"""Keep blocks on disk under their hash, and read whole trees of them.

Between: the pinning stand-ins (put, delete) and their gateways (read).
Shape: `<directory>/<2 hex>/<multihash in hex>`, one file a block; half-written ones are below `incoming/`.
Invariant: a block is checked against its CID before it is kept and appears under its name in one step, so that a
kill -9 leaves whole blocks only.
Units: bytes; ranges are [start, stop).
Errors: Missing names the block that is not here; WrongBytes if a block is not what its CID says; BadBlock.
"""

from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

from audifi.local.standins.content import unixfs
from audifi.local.standins.content.cids import DAG_PB, RAW, Cid


class Missing(LookupError):
    """A block is not here."""


class WrongBytes(ValueError):
    """A block is not what its CID says."""


class NoSuchName(LookupError):
    """A directory has no entry of that name."""


class Blocks:
    """The blocks of one provider."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._incoming = directory / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)
        for half in self._incoming.iterdir():  # of a process that was killed: nobody was told of them
            half.unlink()

    def put(self, cid: Cid, data: bytes) -> None:
        """Keep a block."""
        if not cid.matches(data):
            raise WrongBytes(f"block {cid} has other bytes than its CID says")
        path = self._path(cid.key)
        if cid.inline is not None or path.exists():
            return
        beside = self._incoming / token_hex(8)
        beside.write_bytes(data)
        path.parent.mkdir(exist_ok=True)
        beside.replace(path)

    def get(self, cid: Cid) -> bytes:
        """The bytes of a block."""
        if cid.inline is not None:
            return cid.inline
        try:
            return self._path(cid.key).read_bytes()
        except FileNotFoundError as error:
            raise Missing(f"block {cid} is not here") from error

    def has(self, cid: Cid) -> bool:
        return cid.inline is not None or self._path(cid.key).exists()

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def count(self) -> int:
        """How many are kept; for people who look."""
        return sum(1 for shelf in self._directory.iterdir() if shelf.name != "incoming" for _ in shelf.iterdir())

    def tree(self, root: Cid) -> Iterator[tuple[Cid, bytes]]:
        """Every block below the root once, parents first, left to right."""
        seen: set[str] = set()
        waiting = [root]
        while waiting:
            cid = waiting.pop()
            if cid.key in seen:
                continue
            seen.add(cid.key)
            data = self.get(cid)
            yield cid, data
            waiting.extend(link.cid for link in reversed(links(cid, data)))

    def keys(self, root: Cid) -> list[str]:
        """The keys of a whole tree; Missing if it is not whole. Leaves are not read."""
        found: dict[str, None] = {}
        waiting = [root]
        while waiting:
            cid = waiting.pop()
            if cid.key in found or cid.inline is not None:
                continue
            found[cid.key] = None
            if cid.codec != RAW:
                waiting.extend(link.cid for link in links(cid, self.get(cid)))
            elif not self.has(cid):
                raise Missing(f"block {cid} is not here")
        return list(found)

    def resolve(self, root: Cid, names: list[str]) -> list[Cid]:
        """The blocks on the way down a path of directory entries, the root first."""
        way = [root]
        for name in names:
            found = [link for link in links(way[-1], self.get(way[-1])) if link.name == name]
            if not found or not name:
                raise NoSuchName(f"there is no {name!r} in {way[-1]}")
            way.append(found[0].cid)
        return way

    def describe(self, cid: Cid) -> unixfs.Message:
        """What this block says of itself; a raw block is a file."""
        data = self.get(cid)
        if cid.codec == RAW:
            return unixfs.Message(unixfs.FILE, data, len(data))
        return unixfs.read_message(unixfs.read_node(data)[1])

    def size(self, cid: Cid) -> int:
        """The bytes of a file's content."""
        told = self.describe(cid)
        return told.size if told.size is not None else len(told.data)

    def content(self, cid: Cid, start: int, stop: int) -> Iterator[tuple[Cid, bytes]]:
        """The bytes of a file between two places, leaf by leaf; also which leaf each part is from."""
        waiting = [(cid, 0)]
        while waiting:
            at, offset = waiting.pop()
            told = self.describe(at)
            if told.data and offset < stop and offset + len(told.data) > start:
                yield at, told.data[max(start - offset, 0) : stop - offset]
            below: list[tuple[Cid, int]] = []
            offset += len(told.data)
            children = links(at, self.get(at)) if told.sizes else []
            for link, size in zip(children, told.sizes, strict=False):
                if offset < stop and offset + size > start:
                    below.append((link.cid, offset))
                offset += size
            waiting.extend(reversed(below))

    def _path(self, key: str) -> Path:
        return self._directory / key[-2:] / key


def links(cid: Cid, data: bytes) -> list[unixfs.Link]:
    """Where a block points to."""
    if cid.codec == RAW:
        return []
    if cid.codec != DAG_PB:
        raise unixfs.BadBlock(f"{cid}: codec {cid.codec:#x} is not known here (raw and dag-pb are)")
    return unixfs.read_node(data)[0]
