"""Restore the Redis Cluster and the queue: verbs of `audifi restore`.

Between: cli.restore (adds them) and local.recovery.redis.
Shape: says what it does while it does it, on stderr; the result on stdout, with --json as one document.
Invariant: with --beside nothing of the platform is touched: the snapshot is restored beside it, compared, and thrown
away; that proves it, and the catalogue notes it. --in-place asks first, unless --yes.
Errors: no such snapshot, a damaged one, the wrong key: said in one line, exit 2; nothing was changed then.
Exit: 0 restored and compared · 2 it was refused
Example: ./audifi restore redis --beside --masters 2
"""

import asyncio
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from audifi.cli.options import DEFAULT, InstanceOption, JsonOption
from audifi.cli.outbound import shown
from audifi.cli.telling import line
from audifi.local.errors import LocalError
from audifi.local.recovery.postgres.choosing import moment
from audifi.local.recovery.redis import choosing, cluster
from audifi.local.recovery.redis import queue as queues
from audifi.local.recovery.redis.aof import Damaged
from audifi.local.state import Instance
from audifi.topology.declaration import platform

AtOption = Annotated[str, Parameter(help="The newest snapshot taken by this moment, like 2026-11-23T16:30:00Z.")]
BesideOption = Annotated[bool, Parameter(negative=(), help="Only to prove it: compared, and thrown away.")]
InPlaceOption = Annotated[bool, Parameter(negative=(), help="Give it to the platform's own servers.")]
YesOption = Annotated[bool, Parameter(negative=(), help="Do not ask.")]
Wanted = Literal["best", "own", "replica", "snapshot"]


def redis(
    *,
    beside: BesideOption = False,
    in_place: InPlaceOption = False,
    masters: int = 3,
    at: AtOption = "",
    yes: YesOption = False,
    json_: JsonOption = False,
    instance: InstanceOption = DEFAULT,
) -> int:
    """Restore a snapshot of the cluster: beside it, to prove that it can be, or in place.

    Parameters
    ----------
    beside
        Into a fresh cluster, compared key by key, then thrown away; the catalogue notes that it can be restored.
    in_place
        Into the platform's cluster; its pods are halted for seconds, what they had is kept in replaced/.
    masters
        Of the fresh cluster beside: any number; in place it is the declared one.
    at
        The newest snapshot taken by this moment.
    yes
        Do not ask.
    json_
        Print JSON.
    instance
        Directory of the platform, running or not.
    """
    if masters < 1:
        raise LocalError("--masters is at least 1")
    found, topology = Instance.at(instance), platform("local")
    snapshot = choosing.chosen(found, topology.stores.redis_cluster.component, _moment(at))
    _confirm("What the cluster holds now is replaced; sessions are renewed by their users.", beside, in_place, yes=yes)
    if in_place:
        restored = asyncio.run(cluster.in_place(found, topology, snapshot, _say))
    else:
        restored = asyncio.run(cluster.beside(found, snapshot, masters=masters, tell=_say))
    choosing.proven(found, snapshot)
    shown(asdict(restored), as_json=json_, text=_cluster_text)
    return 0


def queue(
    *,
    beside: BesideOption = False,
    in_place: InPlaceOption = False,
    source: Annotated[Wanted, Parameter(name="--from")] = "best",
    at: AtOption = "",
    yes: YesOption = False,
    json_: JsonOption = False,
    instance: InstanceOption = DEFAULT,
) -> int:
    """Restore the queue: prove its snapshot beside it, or bring it back in place.

    Parameters
    ----------
    beside
        The newest snapshot into a fresh server, compared, then thrown away.
    in_place
        Into the platform's queue; its pods are halted meanwhile, what they had is kept in replaced/.
    source
        Its own append-only file, its replica's, or a snapshot; best takes the first of them that is whole.
    at
        The newest snapshot taken by this moment.
    yes
        Do not ask.
    json_
        Print JSON.
    instance
        Directory of the platform, running or not.
    """
    found, topology = Instance.at(instance), platform("local")
    component = topology.stores.queue.component
    _confirm("What the queue holds now is replaced by what its source holds.", beside, in_place, yes=yes)
    if beside:
        snapshot = choosing.chosen(found, component, _moment(at))
        restored = asyncio.run(queues.beside(found, snapshot, _say))
        choosing.proven(found, snapshot)
    else:
        restored = asyncio.run(_in_place(found, source, _moment(at)))
    shown(restored.as_json(), as_json=json_, text=_queue_text)
    return 0


async def _in_place(found: Instance, wanted: Wanted, at: datetime | None) -> queues.Restored:
    topology = platform("local")
    if wanted == "snapshot":
        return await _from_snapshot(found, at)
    for source in ("own", "replica") if wanted == "best" else (wanted,):
        try:
            return await queues.in_place(found, topology, source, None, _say)
        except (Damaged, queues.Missing) as reason:
            if wanted != "best":
                raise
            _say(f"{source}: {reason}")
    return await _from_snapshot(found, at)


async def _from_snapshot(found: Instance, at: datetime | None) -> queues.Restored:
    topology = platform("local")
    snapshot = choosing.chosen(found, topology.stores.queue.component, at)
    restored = await queues.in_place(found, topology, "snapshot", snapshot, _say)
    choosing.proven(found, snapshot)
    return restored


def _moment(at: str) -> datetime | None:
    return datetime.fromtimestamp(moment(at), UTC) if at else None


def _confirm(what: str, beside: bool, in_place: bool, *, yes: bool) -> None:
    if beside is in_place:
        raise LocalError("say one of --beside (to prove that it can be) and --in-place")
    if beside or yes:
        return
    if sys.stdin.isatty():
        sys.stdout.write(f"{what} Go on? [y/N] ")
        sys.stdout.flush()
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return
    raise LocalError("nothing was changed; to restore without being asked: --in-place --yes")


def _say(text: str) -> None:
    sys.stderr.write(f"· {text}\n")
    sys.stderr.flush()


def _cluster_text(done: dict[str, Any]) -> None:
    away = f", of which the cluster was away {done['away_s']:.1f} s" if done["away_s"] else ""
    line(
        f"snapshot {done['label']}: {done['keys']} keys in {done['masters']} masters, each compared; "
        f"{done['left_out']} left out, which the platform makes anew; {done['took_s']:.1f} s{away}"
    )


def _queue_text(done: dict[str, Any]) -> None:
    held = done["standing"]
    away = f", of which the queue was away {done['away_s']:.1f} s" if done["away_s"] else ""
    line(
        f"from {done['source']} {done['label']}: {held['entries']} events in {held['streams']} streams, "
        f"{held['groups']} groups, {held['pending']} pending; {done['took_s']:.1f} s{away}"
    )
