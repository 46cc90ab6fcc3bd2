"""Cut the network between one pod and the others: packets are dropped and nobody is told, as by a broken cable.

Between: drills.catalogue and drills.swarm (cut), nftables (drops) and a control group (marks the pod's sockets).
Shape: one table `audifi_<hash of the instance>` and one group of that name: one cut at a time in an instance. All pods
share one address and one user, so a packet is known to be the pod's by the port the pod listens on, by the two ports
of a connection it had open, or by the group of the process that opens one now.
Invariant: only packets of loopback and only of this pod; healing deletes the table, gives the processes back to the
group they came from and removes ours, and does nothing when nothing is cut.
Units: *_s seconds; ports as numbers.
Errors: NeedsRoot; Mismatch when a connection that was cut can still be made.
Source: nft(8) "socket cgroupv2"; cgroups(7): a socket keeps the group of the process that made it.
"""

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audifi.drills.drill import Deed, Scene
from audifi.drills.faults import NeedsRoot, sockets
from audifi.drills.faults.processes import Choose, everything
from audifi.drills.journey import losses
from audifi.drills.journey.narration import Mismatch
from audifi.drills.journey.stage import Stage
from audifi.drills.scars import Told, scarred
from audifi.local.binaries import binary
from audifi.local.ports import LOOPBACK
from audifi.local.state import Instance

TRIES_FOR_S: Final = 0.5  # connecting on loopback takes less than a millisecond
SILENT: Final = 3  # exit code of a connection attempt that nobody answered
GROUPS: Final = Path("/sys/fs/cgroup")  # where nft looks groups up
KINDS: Final = (GROUPS, GROUPS / "unified")  # version 2 alone, or beside version 1

# Run in the pod's group: does a connection to this port come about?
ATTEMPT: Final = """\
import os, socket, sys
open(sys.argv[1], "w").write(str(os.getpid()))
try:
    socket.create_connection((sys.argv[2], int(sys.argv[3])), float(sys.argv[4])).close()
except TimeoutError:
    sys.exit(3)
"""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """What is dropped."""

    listening: tuple[int, ...] = ()  # ports of the pod that nobody reaches any more
    asked: tuple[int, ...] = ()  # ports of others that the pod reaches no more


Plan = Callable[[Stage, str], Awaitable[Cut]]


def isolated(choose: Choose) -> Deed:
    """Cut a pod off from everybody: nothing reaches it, and it reaches nothing."""

    async def cut(stage: Stage, pod: str) -> Cut:
        units = await losses.units(stage)
        others = [port for name, unit in units.items() if name != pod for port in unit["ports"].values()]
        return Cut(listening=tuple(units[pod]["ports"].values()), asked=tuple(others))

    return _deed(choose, "everybody", cut)


def closed(choose: Choose, *names: str) -> Deed:
    """Cut these ports of a pod off from everybody; what the pod asks of others goes on."""

    async def cut(stage: Stage, pod: str) -> Cut:
        return Cut(listening=tuple(stage.port(pod, each) for each in names))

    return _deed(choose, f"whoever asks its {', '.join(names)}", cut)


def parted(choose: Choose, component: str) -> Deed:
    """Cut a pod off from all pods of a component that it asks; everything else goes on."""

    async def cut(stage: Stage, pod: str) -> Cut:
        del pod
        units = await losses.units(stage)
        theirs = [port for unit in units.values() if unit["component"] == component for port in unit["ports"].values()]
        return Cut(asked=tuple(theirs))

    return _deed(choose, component, cut)


def _deed(choose: Choose, whom: str, plan: Plan) -> Deed:
    @asynccontextmanager
    async def deed(scene: Scene) -> AsyncGenerator[str]:
        _check_root()
        stage = scene.stage
        (pod,) = await choose(scene)
        cut = await plan(stage, pod)
        numbers = [each.number for each in await everything(stage, [pod])]
        what = f"{pod} cut off from {whom}"
        async with scarred(stage, what, mend, back=_group_of(numbers[0])):
            await asyncio.to_thread(_make, stage.instance, cut, numbers)
            await asyncio.to_thread(_prove, stage.instance, cut)
            yield what

    return deed


async def mend(stage: Stage, told: Told) -> None:
    """Let everything through again; `back` is the group that the processes came from (an undo)."""
    await asyncio.to_thread(_mend, stage.instance, str(told["back"]))


def _mend(instance: Instance, back: str) -> None:
    name = _name(instance)
    _nft(f"table inet {name} {{}}\ndelete table inet {name}\n")
    group = _mounted() / name
    if not group.is_dir():
        return
    home = _mounted() / back.lstrip("/") / "cgroup.procs"
    while numbers := (group / "cgroup.procs").read_text().split():  # again: one may be starting another
        for number in numbers:
            with suppress(ProcessLookupError):  # it has ended
                home.write_text(number)
    group.rmdir()


def _check_root() -> None:
    if os.geteuid() != 0:
        raise NeedsRoot("cutting a link needs root: nftables and control groups are the machine's; run it as root")
    if not _mounted().is_dir():
        raise NeedsRoot(f"cutting a link needs control groups of version 2 at one of {', '.join(map(str, KINDS))}")


def _make(instance: Instance, cut: Cut, numbers: Sequence[int]) -> None:
    """The group first: what is opened after it is known by the group, what was open before by its ports."""
    group = _mounted() / _name(instance)
    group.mkdir(exist_ok=True)
    for number in numbers:
        with suppress(ProcessLookupError):
            (group / "cgroup.procs").write_text(str(number))
    open_now = [pair for pair in sockets.opened_by(numbers) if pair[1] in cut.asked]
    _nft(_table(_name(instance), cut, open_now))


def _table(name: str, cut: Cut, open_now: Iterable[sockets.Pair]) -> str:
    """What nft is told. Each rule counts, so that `nft list ruleset` shows what was dropped."""
    rules: list[str] = []
    if cut.listening:
        listening = _set(cut.listening)
        rules += [f"tcp dport {listening} counter drop", f"tcp sport {listening} counter drop"]
    both_ways = [f"{a} . {b}" for ours, theirs in sorted(open_now) for a, b in ((ours, theirs), (theirs, ours))]
    if both_ways:
        rules.append(f"tcp sport . tcp dport {_set(both_ways)} counter drop")
    if cut.asked:
        group = (_mounted() / name).relative_to(GROUPS)
        rules.append(f'socket cgroupv2 level 1 "{group}" tcp dport {_set(cut.asked)} counter drop')
    lines = "\n".join(f'    oifname "lo" {rule}' for rule in rules)
    return f"table inet {name} {{\n  chain said {{\n    type filter hook output priority 0;\n{lines}\n  }}\n}}\n"


def _set(elements: Iterable[object]) -> str:
    return f"{{ {', '.join(map(str, elements))} }}"


def _prove(instance: Instance, cut: Cut) -> None:
    """What was cut must stay silent: refused would mean that nobody listens, and proves nothing."""
    for port in cut.listening:
        _expect_silence(_mounted() / "cgroup.procs", port)
    for port in cut.asked[:1]:
        _expect_silence(_mounted() / _name(instance) / "cgroup.procs", port)


def _expect_silence(group: Path, port: int) -> None:
    """Run in the group: does a connection to this port come about?"""
    asked = [sys.executable, "-c", ATTEMPT, str(group), LOOPBACK, str(port), str(TRIES_FOR_S)]
    ended = subprocess.run(asked, check=False, capture_output=True, text=True)  # noqa: S603  # our own program
    if ended.returncode != SILENT:
        raise Mismatch(f"port {port} was cut off, and a connection to it still gets an answer: {ended.stderr[-200:]}")


def _nft(text: str) -> None:
    done = subprocess.run([str(binary("nft")), "-f", "-"], input=text, check=False, capture_output=True, text=True)  # noqa: S603  # fixed program
    if done.returncode:
        raise Mismatch(f"nft refuses:\n{done.stderr}{text}")


def _name(instance: Instance) -> str:
    return f"audifi_{hashlib.sha256(str(instance.path).encode()).hexdigest()[:12]}"


def _mounted() -> Path:
    return next((each for each in KINDS if (each / "cgroup.procs").is_file()), KINDS[0] / "missing")


def _group_of(number: int) -> str:
    """Of control groups version 2: the line 0::/user.slice."""
    lines = Path(f"/proc/{number}/cgroup").read_text().splitlines()
    return next((line.removeprefix("0::") for line in lines if line.startswith("0::")), "/")
