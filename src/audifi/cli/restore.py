"""Bring data back from its backups: beside what runs, to look; or in its place.

Between: a person and local.recovery.
Shape: what happens goes to standard error, the result to standard output: lines for people, one JSON document with
--json. Times are ISO 8601 with their zone.
Invariant: --in-place asks first, unless --yes; what cannot be restored rightly is refused before anything is touched.
Errors: refusals and everything that cannot be restored: said in one line with what to do, exit 2.
Exit: 0 restored · 1 restored, but what comes after it is not well: writes stay closed · 2 refused, or wrong use
Example: ./audifi restore postgres --at 2026-11-23T16:30:00Z --beside
"""

import asyncio
import sys
import time
from dataclasses import asdict
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from audifi.cli.options import DEFAULT, InstanceOption, JsonOption
from audifi.cli.outbound import shown
from audifi.cli.restore_redis import queue, redis
from audifi.local.errors import LocalError
from audifi.local.ports import LOOPBACK
from audifi.local.recovery.postgres import beside as beside_it
from audifi.local.recovery.postgres import choosing, in_place
from audifi.local.state import Instance
from audifi.topology.declaration import platform

restore = App(name="restore")
restore.command(redis)
restore.command(queue)
_BEGAN_S: Final = time.monotonic()

AtOption = Annotated[str, Parameter(help="The moment, like 2026-11-23T16:30:00Z; without it, everything there is.")]
BesideOption = Annotated[bool, Parameter(negative=(), help="A server of its own; what runs is not touched.")]
InPlaceOption = Annotated[bool, Parameter(negative=(), help="In place of what is there: writes stop meanwhile.")]
RemoveOption = Annotated[bool, Parameter(negative=(), help="Take the server beside away.")]
ReopenOption = Annotated[bool, Parameter(negative=(), help="Only what comes after a restore, and open the writes.")]
YesOption = Annotated[bool, Parameter(negative=(), help="Do not ask.")]


@restore.command
def postgres(
    *,
    at: AtOption = "",
    beside: BesideOption = False,
    in_place_: Annotated[InPlaceOption, Parameter(name="--in-place")] = False,
    remove: RemoveOption = False,
    reopen: ReopenOption = False,
    yes: YesOption = False,
    json_: JsonOption = False,
    instance: InstanceOption = DEFAULT,
) -> int:
    """Restore PostgreSQL to a second."""
    if [beside, in_place_, remove, reopen].count(True) != 1:
        raise LocalError("say one of --beside (a copy to look at), --in-place, --reopen and --remove")
    found = Instance.at(instance)
    target_s = choosing.moment(at) if at else None
    if remove:
        gone = asyncio.run(beside_it.remove(found))
        sys.stdout.write("The copy was removed.\n" if gone else "There was no copy.\n")
        return 0
    if beside:
        made = asyncio.run(beside_it.restore(found, platform("local"), target_s, _tell))
        shown({**asdict(made), "pgpass": str(made.pgpass)}, as_json=json_, text=_beside_text)
        return 0
    if in_place_ and not yes:
        _ask(at)
    work = in_place.reopen if reopen else in_place.restore
    done = asyncio.run(work(found, platform("local"), target_s, _tell))
    shown(asdict(done), as_json=json_, text=_in_place_text)
    return 0 if done.is_open else 1


def _ask(at: str) -> None:
    what = f"What was written after {at} is taken back." if at else "Everything archived is restored."
    if sys.stdin.isatty():
        sys.stdout.write(f"PostgreSQL is replaced by its backup; nobody can write meanwhile. {what} Go on? [y/N] ")
        sys.stdout.flush()
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return
    raise LocalError("nothing was changed; to restore in place: audifi restore postgres --in-place --yes")


def _tell(text: str) -> None:
    sys.stderr.write(f"[{time.monotonic() - _BEGAN_S:6.1f} s] {text}\n")
    sys.stderr.flush()


def _beside_text(made: dict[str, Any]) -> None:
    last = made["recovered"]["last_transaction"] or "none after the backup"
    sys.stdout.write(
        f"Restored from {made['label']} in {made['took_s']:.1f} s; last transaction: {last}\n"
        f"PGPASSFILE={made['pgpass']} psql -h {LOOPBACK} -p {made['port']} -U postgres {made['database']}\n"
        f"It runs until ./audifi restore postgres --remove, or ./audifi down.\n"
    )


def _in_place_text(done: dict[str, Any]) -> None:
    sys.stdout.write(f"PostgreSQL is back after {done['database_s']:.1f} s, everything after {done['took_s']:.1f} s.\n")
    for line in done["problems"]:
        sys.stdout.write(f"  {line}\n")
    if done["is_open"]:
        sys.stdout.write("Writes are open.\n")
    else:
        sys.stdout.write("Writes stay closed. Mend it, then: ./audifi restore postgres --reopen\n")
