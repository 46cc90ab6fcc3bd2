"""Start a platform in order, keep it alive, and stop it in reverse.

Between: local.guardian (starts us and ends everything if we die), local.plan (what to start), local.keeper (one per
pod), local.board (what is known) and local.control (who asks).
Shape: one task per pod and per job; each waits only for what it needs, so everything that can start at once does.
Invariant: we end only after every process we started has ended, by whatever way we are told: `stop` on the control
channel, SIGTERM, the guardian's death, a start that failed, or the one who started us going away during the start.
Units: *_s seconds.
Errors: a failed start ends with exit 1 after stopping everything.
"""

import asyncio
import json
import os
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from audifi.local import logs, process
from audifi.local.board import Board, State, Status
from audifi.local.components import JobSpec
from audifi.local.control import listening
from audifi.local.errors import LocalError
from audifi.local.keeper import Keeper
from audifi.local.plan import Plan, plan
from audifi.local.room import raise_file_limit
from audifi.local.state import Instance, Running
from audifi.local.usage import memory_by_pod
from audifi.local.waiting import TimedOut, wait_for
from audifi.topology.declaration import platform

HOUSEKEEPING_EVERY_S: Final = 5.0


class Supervisor:
    """Runs one plan."""

    def __init__(self, instance: Instance, what: Plan, only: tuple[str, ...]) -> None:
        self._instance = instance
        self._plan = what
        self._only = only
        pods = [Status(name=pod.name, component=pod.component, ports=pod.ports) for pod in what.pods]
        jobs = [Status(name=job.name, component=job.component, is_job=True) for job in what.jobs]
        self._board = Board([*pods, *jobs])
        self._keepers = {
            pod.name: Keeper(pod, after=what.waits_for[pod.name], instance=instance, board=self._board)
            for pod in what.pods
        }
        self._stop = asyncio.Event()
        self._is_started = False
        self._reason = ""
        self._began_s = time.monotonic()
        self._connections: set[asyncio.Task[None]] = set()

    async def run(self, alive: int) -> int:
        """Until told to stop. Returns the exit code."""
        self._listen_for_the_end(alive)
        server = await asyncio.start_unix_server(self._serve, sock=listening(self._instance))
        tasks = [asyncio.create_task(work) for work in (self._start(), self._keep_house())]
        await self._stop.wait()
        for task in tasks:
            task.cancel()
        await self._stop_all()
        server.close()
        self._board.publish({"event": "stopped", "reason": self._reason})
        await asyncio.wait([*self._connections, asyncio.create_task(asyncio.sleep(0))], timeout=1.0)
        return 0 if not self._reason else 1

    def _listen_for_the_end(self, alive: int) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        # Readable means end of file: the guardian never writes.
        loop.add_reader(alive, lambda: (loop.remove_reader(alive), self._stop.set()))

    async def _start(self) -> None:
        for keeper in self._keepers.values():
            keeper.begin()
        jobs = [asyncio.create_task(self._do(job)) for job in self._plan.jobs]
        try:
            await self._board.until_ready([status.name for status in self._board.statuses()])
        except LocalError as error:
            self._fail(str(error))
            return
        finally:
            for job in jobs:
                job.cancel()
        self._is_started = True
        self._board.publish({"event": "ready", "elapsed_s": time.monotonic() - self._began_s})

    def _fail(self, reason: str) -> None:
        self._reason = reason
        self._board.publish({"event": "failed", "reason": reason})
        self._stop.set()

    async def _do(self, job: JobSpec) -> None:
        try:
            for name in self._plan.waits_for[job.name]:
                await self._board.until_ready([name])
            self._board.update(job.name, State.RUNNING)
            done = await wait_for(job.run, within_s=job.within_s, saying=job.name, every_s=0.2)
            self._board.update(job.name, State.DONE, done)
        except (LocalError, TimedOut, OSError) as error:
            self._board.update(job.name, State.FAILED, str(error))
        except Exception as error:  # noqa: BLE001  # the supervisor's loop: a job that breaks must fail the start, not vanish
            self._board.update(job.name, State.FAILED, f"{type(error).__name__}: {error}")

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_EVERY_S)
            await asyncio.to_thread(logs.bound, self._instance.logs)
            for keeper in self._keepers.values():
                await keeper.tend()

    async def _stop_all(self) -> None:
        stopping: dict[str, asyncio.Task[None]] = {}

        def stopped(name: str) -> asyncio.Task[None]:
            if name not in stopping:
                stopping[name] = asyncio.create_task(
                    stop(name, [stopped(each) for each in self._plan.dependents(name)])
                )
            return stopping[name]

        async def stop(name: str, dependents: list[asyncio.Task[None]]) -> None:
            await asyncio.gather(*dependents)
            if name in self._keepers:
                await self._keepers[name].stop()

        await asyncio.gather(*(stopped(status.name) for status in self._board.statuses()))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a connection is served by a task"
        self._connections.add(task)
        try:
            request = json.loads(await reader.readline() or b"{}")
            await self._answer(request, reader, writer)
        except LocalError as error:
            await _send(writer, {"event": "refused", "reason": str(error)})
        except ConnectionError:
            pass  # the asker went away
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, request: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        match request.get("verb"):
            case "status":
                await _send(writer, await self._snapshot())
            case "follow":
                await self._follow(reader, writer, owner=request.get("owner", ""))
            case "restart":
                await self._restart(request["name"], writer)
            case "halt":
                await self._halt(request["name"], writer, by_force=bool(request.get("by_force")))
            case "resume":
                await self._resume(request["name"], writer)
            case "stop":
                self._stop.set()
                await self._follow(reader, writer, owner="")
            case verb:
                raise LocalError(f"the supervisor does not know the verb {verb!r}")

    async def _snapshot(self) -> dict[str, Any]:
        await asyncio.gather(*(keeper.look() for keeper in self._keepers.values()))
        memory = await asyncio.to_thread(memory_by_pod, self._instance.path)
        units = [{**asdict(status), "memory_bytes": memory.get(status.name, 0)} for status in self._board.statuses()]
        return {
            "event": "status",
            "units": units,
            "only": self._only,
            "is_started": self._is_started,
            "memory_bytes": sum(memory.values()),
            "uptime_s": time.monotonic() - self._began_s,
        }

    async def _follow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, owner: str) -> None:
        """Send every event. An owner ("start": until started, "life": always) that goes away takes us with it."""
        queue = self._board.follow()
        gone = asyncio.create_task(reader.read())
        try:
            for status in self._board.statuses():
                await _send(writer, {"event": "unit", **asdict(status)})
            if self._is_started:
                await _send(writer, {"event": "ready", "elapsed_s": time.monotonic() - self._began_s})
            await self._pass_on(queue, gone, writer)
        except ConnectionError:
            pass
        finally:
            self._board.unfollow(queue)
            gone.cancel()
            if owner == "life" or (owner == "start" and not self._is_started):
                self._stop.set()

    async def _pass_on(
        self, queue: asyncio.Queue[dict[str, Any]], gone: asyncio.Task[bytes], writer: asyncio.StreamWriter
    ) -> None:
        while True:
            following = asyncio.create_task(queue.get())
            await asyncio.wait({following, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                following.cancel()
                return
            event = following.result()
            await _send(writer, event)
            if event["event"] == "stopped":
                return

    async def _restart(self, name: str, writer: asyncio.StreamWriter) -> None:
        for number, pod in enumerate(self._plan.units_named(name)):
            if number:
                await asyncio.sleep(platform("local").cluster.rollout.steady_s)
            await _send(writer, {"event": "restarting", "name": pod.name})
            try:
                await self._keepers[pod.name].restart()
            except TimeoutError as error:
                status = self._board.status(pod.name)
                raise LocalError(f"{pod.name} is not ready again: {status.state}, {status.detail}") from error
            await _send(writer, {"event": "restarted", "name": pod.name})

    async def _halt(self, name: str, writer: asyncio.StreamWriter, *, by_force: bool) -> None:
        """Keep them down until `resume`: what a lost node, or a restore that needs the files for itself, looks like."""
        pods = self._plan.units_named(name)
        await asyncio.gather(*(self._keepers[pod.name].stop(by_force=by_force) for pod in pods))
        for pod in pods:
            await _send(writer, {"event": "halted", "name": pod.name})

    async def _resume(self, name: str, writer: asyncio.StreamWriter) -> None:
        pods = [
            pod
            for pod in self._plan.units_named(name)
            if self._board.status(pod.name).state in {State.STOPPED, State.FAILED}
        ]
        try:
            await asyncio.gather(*(self._keepers[pod.name].resume() for pod in pods))
        except TimeoutError as error:
            found = ", ".join(f"{pod.name} is {self._board.status(pod.name).state}" for pod in pods)
            raise LocalError(f"not ready again: {found}; ./audifi logs says why") from error
        for pod in pods:
            await _send(writer, {"event": "resumed", "name": pod.name})


async def _send(writer: asyncio.StreamWriter, event: dict[str, Any]) -> None:
    writer.write(json.dumps(event).encode() + b"\n")
    await writer.drain()


async def _main(alive: int, instance: Instance, only: tuple[str, ...]) -> int:
    raise_file_limit()
    supervisor = Supervisor(instance, plan(instance, platform("local"), only), only)
    guardian = process.identify(os.getppid())
    instance.record(Running(guardian, process.identify(os.getpid()), time.time(), only))
    return await supervisor.run(alive)


def main() -> None:
    """`python -m audifi.local.supervisor PIPE INSTANCE [COMPONENT …]`"""
    alive, path, *only = sys.argv[1:]
    sys.exit(asyncio.run(_main(int(alive), Instance.at(Path(path)), tuple(only))))


if __name__ == "__main__":
    main()
