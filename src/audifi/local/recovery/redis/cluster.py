"""Restore a snapshot of the cluster: beside it, into a fresh one of any shape, or in its place.

Between: cli.restore, kind (monthly proof), drills and servers, contents, local.launch.
Shape: `beside` starts N empty masters that share the slots evenly, fills them from the snapshot (taken of however many
primaries), compares every key and ends. `in_place` does the same with masters of the declared shape that nobody knows
yet; only when everything is there and compared, the cluster's pods are halted, their directories exchanged, and the
pods started again: that exchange is all the clients notice of it.
Invariant: until the exchange nothing of the platform is touched; what was there is kept in `<instance>/replaced/` until
the next restore. In place, what the platform makes anew does not come back (rebuilt).
Units: *_s seconds.
Errors: Damaged, Unreadable; RestoreFailed when what came back is not what was kept; LocalError from the supervisor.
Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ (a node that starts with its own
slots in nodes.conf keeps them).
"""

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from redis.crc import key_slot

from audifi.local import launch
from audifi.local.components import redis_cluster
from audifi.local.errors import LocalError
from audifi.local.files import make_directory, remove_tree
from audifi.local.ports import LOOPBACK
from audifi.local.recovery.redis import contents, rebuilt, snapshots
from audifi.local.recovery.redis.servers import Room, room, serving
from audifi.local.recovery.redis.snapshots import SLOTS, Snapshot
from audifi.local.state import Instance
from audifi.local.waiting import NotReady, TimedOut, wait_for
from audifi.topology.model.whole import Topology

Tell = Callable[[str], None]
Span = tuple[int, int]  # first and last slot

FORMS_WITHIN_S: Final = 60.0
SHOWN_MAX: Final = 5
_READER: Final[Mapping[str, str | int]] = {"appendonly": "no", "save": "", "maxmemory": 0}


class RestoreFailed(LocalError):
    """A restore did not bring back what was kept."""


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a restore did."""

    label: str
    masters: int
    keys: int  # that came back, each compared with the snapshot's
    left_out: int  # that the platform makes anew
    took_s: float
    away_s: float = 0.0  # how long the component did not serve


@dataclass(frozen=True)
class _Master:
    client: Any
    span: Span


def even(masters: int) -> tuple[Span, ...]:
    """The slots in so many parts."""
    edges = [SLOTS * place // masters for place in range(masters + 1)]
    return tuple((first, last - 1) for first, last in pairwise(edges))


def declared(topology: Topology) -> tuple[Span, ...]:
    """The slots as the design shares them."""
    return tuple(sorted((tags.first_slot, tags.last_slot) for tags in topology.stores.redis_cluster.tags))


async def beside(instance: Instance, snapshot: Snapshot, *, masters: int, tell: Tell) -> Restored:
    """Prove that it can be restored: all of it, into a fresh cluster of this many masters, which then ends.

    Raises: Damaged, Unreadable, RestoreFailed.
    """
    began_s = time.monotonic()
    with room(instance) as place:
        tell(f"a fresh cluster of {masters} masters")
        async with _fresh(place, even(masters)) as fresh:
            await _acquaint(place, fresh)
            keys, left_out = await _filled(place, snapshot, fresh, contents.everything, tell)
    return Restored(
        label=snapshot.label, masters=masters, keys=keys, left_out=left_out, took_s=time.monotonic() - began_s
    )


async def in_place(instance: Instance, topology: Topology, snapshot: Snapshot, tell: Tell) -> Restored:
    """Give the platform's cluster a snapshot's content; its pods are halted for seconds, if they run.

    Raises: Damaged, Unreadable, RestoreFailed: the cluster is as it was. LocalError: it does not start again.
    """
    began_s = time.monotonic()
    spans = declared(topology)
    with room(instance) as place:
        tell(f"a fresh cluster of {len(spans)} masters that nobody knows yet")
        async with _fresh(place, spans) as fresh:
            keys, left_out = await _filled(place, snapshot, fresh, rebuilt.wanted, tell)
        away_s = await _exchanged(instance, topology, place, tell)
    took_s = time.monotonic() - began_s
    return Restored(
        label=snapshot.label, masters=len(spans), keys=keys, left_out=left_out, took_s=took_s, away_s=away_s
    )


@asynccontextmanager
async def _fresh(place: Room, spans: Sequence[Span]) -> AsyncGenerator[list[_Master]]:
    """Empty masters with these slots, in the order of the pods, not yet acquainted."""
    async with AsyncExitStack() as opened:
        fresh: list[_Master] = []
        for number, span in enumerate(spans, start=1):
            name = f"{redis_cluster.NAME}-{number}"
            settings = {
                "cluster-enabled": "yes",
                "cluster-port": place.scratch.ports.of(name, "bus"),
                "cluster-config-file": "nodes.conf",
                "cluster-require-full-coverage": "no",
                "save": "",
                "maxmemory": 0,
            }
            client = await opened.enter_async_context(serving(place, name, settings))
            await client.execute_command("CLUSTER", "ADDSLOTSRANGE", *span)
            await client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number)
            fresh.append(_Master(client, span))
        for master in fresh:
            await _until(partial(_serves, master.client, 1), "a fresh master takes writes")
        yield fresh


async def _acquaint(place: Room, fresh: Sequence[_Master]) -> None:
    """Make one cluster of them."""
    first, *others = fresh
    for number, _ in enumerate(others, start=2):
        name = f"{redis_cluster.NAME}-{number}"
        addresses = (place.scratch.ports.of(name, "redis"), place.scratch.ports.of(name, "bus"))
        await first.client.execute_command("CLUSTER", "MEET", LOOPBACK, *addresses)
    for master in fresh:
        await _until(partial(_serves, master.client, len(fresh)), "the fresh cluster is whole")


async def _serves(client: Any, size: int) -> None:
    # Lines like "cluster_state:ok".
    lines = (await client.execute_command("CLUSTER", "INFO")).decode().split()
    info = dict(line.partition(":")[::2] for line in lines)
    if info["cluster_state"] != "ok" or info["cluster_size"] != str(size):
        raise NotReady(f"state {info['cluster_state']}, {info['cluster_size']} of {size} masters known")


async def _filled(
    place: Room, snapshot: Snapshot, fresh: Sequence[_Master], choose: contents.Choose, tell: Tell
) -> tuple[int, int]:
    """Copy and compare, one part after the other; return how many keys came and how many were left out."""

    def route(key: bytes) -> Any:
        slot = key_slot(key)
        return next(master.client for master in fresh if master.span[0] <= slot <= master.span[1])

    copied = left_out = 0
    for part in snapshot.parts:
        name = f"source-{part.pod}"
        (await snapshots.opened(place.owner, snapshot, part, place.directory(name))).rename(
            place.directory(name) / "dump.rdb"
        )
        async with serving(place, name, _READER) as source:
            alive = await contents.count(source)
            came = await contents.copied(source, route, choose)
            _require_same(await contents.differing(source, route, choose), part.pod)
        remove_tree(place.directory(name))
        expired = part.keys - alive
        tell(f"{part.pod}: {came} keys copied and compared, {alive - came} left out, {expired} had expired")
        copied, left_out = copied + came, left_out + alive - came
    there = sum([await contents.count(master.client) for master in fresh])
    if there > copied:
        raise RestoreFailed(f"the fresh cluster has {there} keys, {copied} were copied into it")
    return copied, left_out


def _require_same(wrong: Sequence[bytes], pod: str) -> None:
    if wrong:
        shown = ", ".join(key.decode(errors="replace") for key in wrong[:SHOWN_MAX])
        raise RestoreFailed(f"{len(wrong)} keys of {pod} are not what the snapshot holds: {shown}; nothing was changed")


async def _exchanged(instance: Instance, topology: Topology, place: Room, tell: Tell) -> float:
    """Halt the pods, give them the fresh directories, start them again; return how long they were away."""
    began_s = time.monotonic()
    is_running = instance.running() is not None
    if is_running:
        tell("the cluster's pods are halted")
        await launch.halt(instance, redis_cluster.NAME)
    exchange(instance, place, topology.component(redis_cluster.NAME).pods)
    if is_running:
        await launch.resume(instance, redis_cluster.NAME)
        (form,) = redis_cluster.jobs(instance, topology)
        whole = await _until(form.run, "the cluster is whole again")
        tell(f"the cluster serves again: {whole}")
    return time.monotonic() - began_s


def exchange(instance: Instance, place: Room, pods: Sequence[str]) -> None:
    """Give each pod its directory of the room, or an empty one; what was there goes to `replaced/`."""
    replaced = instance.path / "replaced"
    for pod in pods:
        remove_tree(replaced / pod)
        if instance.data(pod).exists():
            make_directory(replaced, mode=0o700)
            instance.data(pod).rename(replaced / pod)
        fresh: Path = place.scratch.data(pod)
        if fresh.exists():
            fresh.rename(instance.data(pod))


async def _until(probe: Callable[[], Any], saying: str) -> Any:
    try:
        return await wait_for(probe, within_s=FORMS_WITHIN_S, saying=saying)
    except TimedOut as slow:
        raise RestoreFailed(str(slow)) from slow
