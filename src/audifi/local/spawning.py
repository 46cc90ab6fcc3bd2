"""Start one process so that it cannot outlive us, runs as the right user and writes to its own log.

Between: local.keeper and local.components.service (start what a spec says) and the kernel.
Invariant: every child carries our marker, is the leader of its own session (a Ctrl-C in the terminal does not reach
it), gets SIGTERM from the kernel when the supervisor dies by whatever cause, and inherits no variable of the caller.
Why a child writes to its log file itself, not through us: no copy of every line through the supervisor, and a
supervisor that dies takes no pipe away. The file is opened for appending, so it can be emptied while in use.
Units: *_s seconds.
Errors: OSError if it cannot be started.
Source: prctl(2) PR_SET_PDEATHSIG, set by setpriv after it changes the user (a change would clear it).
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from audifi.local import releases
from audifi.local.binaries import SEARCH_PATH, binary
from audifi.local.components import PodSpec
from audifi.local.files import make_directory
from audifi.local.process import MARKER
from audifi.local.state import Instance
from audifi.local.users import User, unprivileged_user


class Child:
    """One running process of ours."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._exited = asyncio.Event()
        self._descriptor = os.pidfd_open(process.pid)
        asyncio.get_running_loop().add_reader(self._descriptor, self._reap)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def exited(self) -> int:
        """The exit code; negative: the signal that ended it."""
        await self._exited.wait()
        return self._process.wait()

    def send(self, number_of_signal: signal.Signals) -> None:
        if not self._exited.is_set():
            self._process.send_signal(number_of_signal)

    def kill_group(self) -> None:
        """End it and the children it kept in its session's group."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        self._process.wait()
        self._exited.set()


def user_of(pod: PodSpec) -> User | None:
    return unprivileged_user() if pod.user == "unprivileged" else None


def environment_of(instance: Instance, additions: Mapping[str, str], home: Path) -> dict[str, str]:
    """Everything a child is told; nothing comes from whoever called us."""
    return {
        "PATH": SEARCH_PATH,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        MARKER: str(instance.path),
        **additions,
    }


def start(instance: Instance, pod: PodSpec) -> Child:
    """Start the pod's process."""
    user = user_of(pod)
    home = make_directory(instance.data(pod.name), user=user, mode=0o700)
    command = bound_to_us(pod.argv, user)
    told = {**(pod.env() if callable(pod.env) else pod.env), **releases.told(instance, pod.name)}
    return _started(command, environment_of(instance, told, home), pod.cwd or home, instance.log(pod.name))


def bound_to_us(argv: Sequence[str], user: User | None) -> list[str]:
    """The command, run as the user and ended when its parent ends."""
    drop = [f"--reuid={user.uid}", f"--regid={user.gid}", "--init-groups"] if user and user.must_drop else []
    return [str(binary("setpriv")), "--pdeathsig", "TERM", *drop, "--", *argv]


def _started(command: list[str], environment: dict[str, str], directory: Path, log: Path) -> Child:
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o022,
        )
    return Child(process)


async def run_to_end(instance: Instance, pod: PodSpec) -> int:
    """Run a process that ends by itself (a job); its output goes to its log. Killed if we are cancelled."""
    child = start(instance, pod)
    try:
        return await child.exited()
    finally:
        child.kill_group()
