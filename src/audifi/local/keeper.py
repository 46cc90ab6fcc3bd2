"""Keep one pod alive: start it, ask until it is ready, start it again when it ends, end it when told.

Between: local.supervisor (owns one keeper per pod), local.spawning (the process) and local.board (what is known).

When it restarts: whenever the process ends without being told. The first restart follows at once, because a crash
that a user sees should be over before they ask; each further one waits twice as long, up to a bound, so that a pod
that cannot live does not eat the machine. A pod that stayed up for STABLE_S starts again with the short wait.
When it gives up: only during the first start (too many ends, or not ready in time): then `up` fails and says why.
Afterwards it never gives up: the operator may mend the cause while it tries.

Units: *_s seconds.
Invariant: at most one process per keeper. After `stop` no process of the pod's group is left.
Errors: StartFailed through the board; `run` itself raises only on cancellation.
Source: waits as Kubernetes' CrashLoopBackOff, but from 0.1 s instead of 10 s: one machine, one person waiting.
"""

import asyncio
import errno
import sys
from typing import Final

from audifi.local.board import Board, State
from audifi.local.components import PodSpec, nothing_to_tend
from audifi.local.errors import LocalError, StartFailed
from audifi.local.logs import last_lines
from audifi.local.room import disk_full_message, is_full
from audifi.local.spawning import Child, start
from audifi.local.state import Instance
from audifi.local.waiting import NotReady, TimedOut, wait_for

BACKOFF_FIRST_S: Final = 0.1
BACKOFF_MAX_S: Final = 30.0
STABLE_S: Final = 30.0
LOOK_WITHIN_S: Final = 3.0
ENDS_BEFORE_READY_MAX: Final = 4  # of the first start


class Keeper:
    """Keeps one pod alive."""

    def __init__(self, pod: PodSpec, *, after: tuple[str, ...], instance: Instance, board: Board) -> None:
        self.pod = pod
        self.after = after  # names of units, components already resolved
        self._instance = instance
        self._board = board
        self._child: Child | None = None
        self._ready = asyncio.Event()
        self._told_to_restart = False
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._task = asyncio.create_task(self._run(), name=self.pod.name)

    async def restart(self) -> None:
        """End the process gracefully, start it again and return when it is ready."""
        self._ready.clear()
        self._told_to_restart = True
        if self._child is not None:
            await self._end(self._child)
        await asyncio.wait_for(self._ready.wait(), self.pod.ready_within_s)

    async def resume(self) -> None:
        """Start again what was stopped, and return when it is ready."""
        if self._child is not None and self._board.status(self.pod.name).state is State.FAILED:
            await self._end(self._child)  # too slow to become ready: it may still run, and holds the ports
        self._ready.clear()
        self.begin()
        await asyncio.wait_for(self._ready.wait(), self.pod.ready_within_s)

    async def stop(self, *, by_force: bool = False) -> None:
        """End the process and do not start it again: politely, then by force; or at once by force."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._child is not None:
            self._board.update(self.pod.name, State.STOPPING, pid=self._child.pid)
            if by_force:
                self._child.kill_group()
            await self._end(self._child)
        self._board.update(self.pod.name, State.STOPPED, pid=None)

    async def look(self) -> None:
        """Ask a pod that is up how it is now; starting and stopping ones are being asked anyway."""
        before = self._board.status(self.pod.name)
        if before.state not in {State.READY, State.UNREADY}:
            return
        try:
            state, detail = State.READY, await asyncio.wait_for(self.pod.ready(), LOOK_WITHIN_S)
        except NotReady as reason:
            state, detail = State.UNREADY, str(reason)
        except TimeoutError:
            state, detail = State.UNREADY, f"no answer within {LOOK_WITHIN_S:g} s"
        if self._board.status(self.pod.name) == before:  # meanwhile its keeper may have learned more
            self._board.update(self.pod.name, state, detail)

    async def tend(self) -> None:
        """Look after a pod that runs."""
        if self.pod.tend is nothing_to_tend or self._child is None:
            return
        if self._board.status(self.pod.name).state not in {State.READY, State.UNREADY}:
            return
        try:
            told = await asyncio.to_thread(self.pod.tend)
        except (OSError, LocalError) as error:  # looked after again in some seconds; an alert tells when it stays so
            sys.stderr.write(f"{self.pod.name} could not be looked after: {error}\n")
            return
        if told is not None:
            self._child.send(told)

    async def _end(self, child: Child) -> None:
        try:
            await asyncio.wait_for(self._asked_to_end(child), self.pod.stop_grace_s)
        except TimeoutError:
            self._board.update(self.pod.name, State.STOPPING, f"killed: still alive after {self.pod.stop_grace_s:g} s")
        child.kill_group()
        await child.exited()

    async def _asked_to_end(self, child: Child) -> None:
        """Return when it has ended by itself; one that is dead already is not asked."""
        exited = asyncio.create_task(child.exited())
        leaving = asyncio.ensure_future(self.pod.before_stop())
        try:
            await asyncio.wait({exited, leaving}, return_when=asyncio.FIRST_COMPLETED)
            child.send(self.pod.stop_signal)
            await exited
        finally:
            leaving.cancel()
            exited.cancel()
            await asyncio.gather(leaving, exited, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await self._until_our_turn()
            await self._first_start()
            await self._keep()
        except LocalError as error:
            self._board.update(self.pod.name, State.FAILED, str(error))
        except OSError as error:
            self._board.update(self.pod.name, State.FAILED, self._explained(error))

    async def _until_our_turn(self) -> None:
        for name in self.after:
            if self._board.status(name).state not in {State.READY, State.DONE}:
                self._board.update(self.pod.name, State.WAITING, f"for {name}")
            await self._board.until_ready([name])

    async def _first_start(self) -> None:
        ends = 0
        try:
            while not await self._start_until_ready():
                ends += 1
                if ends >= ENDS_BEFORE_READY_MAX:
                    raise StartFailed(self._how_it_ended(f"ended {ends} times before it was ready"))
                await asyncio.sleep(_backoff_s(ends))
        except TimedOut as slow:
            raise StartFailed(self._how_it_ended(str(slow))) from slow

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        ends = 0
        while True:
            ready_at = loop.time()
            assert self._child is not None, "a kept pod has a process"
            code = await self._child.exited()
            self._child.kill_group()  # what it left in its group
            ends = 0 if loop.time() - ready_at > STABLE_S else ends + 1
            while not await self._started_again(code, ends):
                ends += 1

    async def _started_again(self, code: int, ends: int) -> bool:
        restarts = self._board.status(self.pod.name).restarts
        wait_s = 0.0 if self._told_to_restart else _backoff_s(ends)
        ended = "restart requested" if self._told_to_restart else f"{self._why(code)}; next start in {wait_s:g} s"
        self._told_to_restart = False
        self._board.update(self.pod.name, State.RESTARTING, ended, pid=None, restarts=restarts + 1)
        await asyncio.sleep(wait_s)
        try:
            return await self._start_until_ready()
        except TimedOut as slow:
            self._board.update(self.pod.name, State.RESTARTING, str(slow))
            assert self._child is not None, "it was started"
            await self._end(self._child)
        except (OSError, LocalError) as error:
            self._board.update(self.pod.name, State.RESTARTING, self._explained(error))
        return False

    async def _start_until_ready(self) -> bool:
        """Start it; true once it is ready, false if it ended before."""
        await asyncio.to_thread(self.pod.prepare)
        self._child = child = start(self._instance, self.pod)
        self._board.update(self.pod.name, State.STARTING, pid=child.pid)
        ended = asyncio.create_task(child.exited())
        probed = asyncio.create_task(self._probed())
        try:
            await asyncio.wait({ended, probed}, return_when=asyncio.FIRST_COMPLETED)
            if not probed.done():
                child.kill_group()
                return False
            self._board.update(self.pod.name, State.READY, await probed, pid=child.pid)
            self._ready.set()
            return True
        finally:
            ended.cancel()
            probed.cancel()

    async def _probed(self) -> str:
        async def noted() -> str:
            try:
                return await self.pod.ready()
            except NotReady as reason:
                self._board.update(self.pod.name, State.STARTING, str(reason))
                raise

        return await wait_for(noted, within_s=self.pod.ready_within_s, saying=f"{self.pod.name} becomes ready")

    def _how_it_ended(self, what: str) -> str:
        if is_full(self._instance.path):
            return disk_full_message(self._instance.path)
        log = self._instance.log(self.pod.name)
        return f"{what}. The end of {log}:\n{last_lines(log)}"

    def _explained(self, error: OSError | LocalError) -> str:
        is_room_short = isinstance(error, OSError) and error.errno == errno.ENOSPC
        return disk_full_message(self._instance.path) if is_room_short else str(error)

    def _why(self, code: int) -> str:
        if is_full(self._instance.path):
            return disk_full_message(self._instance.path)
        return f"killed by signal {-code}" if code < 0 else f"ended with code {code}"


def _backoff_s(ends: int) -> float:
    return min(BACKOFF_FIRST_S * 2 ** max(ends - 1, 0), BACKOFF_MAX_S)
