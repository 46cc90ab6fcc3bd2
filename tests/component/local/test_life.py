"""A platform comes up, is looked after, and leaves nothing behind, however it ends.

Between: tests and small platforms of their own (etcd and the queue's Redis: a server that drops its privileges is
covered by test_failover). Each test asks the kernel, not our own books, what still runs.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from audifi.local import launch, process
from audifi.local.errors import DiskFull, NotRunning, PortsOccupied, UnknownName
from audifi.local.state import Instance
from audifi.local.waiting import NotReady, wait_for

SMALL = ("etcd", "redis-queue")
ROOT = Path(__file__).resolve().parents[3]


def _command(*arguments: str, instance: Instance) -> list[str]:
    return [sys.executable, "-m", "audifi.cli.main", *arguments, "--instance", str(instance.path)]


async def _nothing_is_left(instance: Instance) -> None:
    left = {number: process.name(number) for number in process.belonging_to(instance.path)}
    if left:
        raise NotReady(f"still there: {left}")
    temporary = [path.name for path in instance.path.iterdir() if path.name in {"state.json", "control.sock", "lock"}]
    if temporary:
        raise NotReady(f"still there: {temporary}")


async def _until_nothing_is_left(instance: Instance) -> None:
    await wait_for(lambda: _nothing_is_left(instance), within_s=20, saying="nothing of the instance is left")


async def _pid(instance: Instance, pod: str) -> int:
    seen = await launch.status(instance)
    return next(unit["pid"] for unit in seen["units"] if unit["name"] == pod)


@pytest.mark.asyncio
async def test_up_status_down_leaves_nothing_but_data(tmp_path: Path) -> None:
    instance = Instance.at(tmp_path / "run")
    await launch.bring_up(instance, SMALL)
    try:
        seen = await launch.status(instance)
        assert {unit["state"] for unit in seen["units"]} == {"ready"}
        assert all(unit["memory_bytes"] > 0 for unit in seen["units"])
    finally:
        assert await launch.stop(instance)
    await _nothing_is_left(instance)
    kept = {"certificates", "logs", "backups", "recovery-keys"}
    assert {path.name for path in instance.path.iterdir()} == kept | {"data", "ports.json", "secrets"}
    assert not await launch.stop(instance, with_data=True), "a second stop has nothing to stop"
    assert {path.name for path in instance.path.iterdir()} == kept, "backups outlive what they are backups of"


@pytest.mark.asyncio
@pytest.mark.parametrize("victim", ["supervisor", "guardian", "both"])
async def test_killing_who_looks_after_it_ends_everything(tmp_path: Path, victim: str) -> None:
    instance = Instance.at(tmp_path / "run")
    await launch.bring_up(instance, SMALL)
    state = instance.running()
    assert state is not None
    numbers = {"supervisor": [state.supervisor.number], "guardian": [state.guardian.number]}
    for number in numbers.get(victim, [state.guardian.number, state.supervisor.number]):
        os.kill(number, signal.SIGKILL)
    try:
        await wait_for(lambda: _no_process(instance), within_s=20, saying="no process is left")
        assert instance.running() is None
    finally:
        await launch.stop(instance)
    await _until_nothing_is_left(instance)


async def _no_process(instance: Instance) -> None:
    left = {number: process.name(number) for number in process.belonging_to(instance.path)}
    if left:
        raise NotReady(f"still there: {left}")


@pytest.mark.asyncio
async def test_a_pod_that_is_killed_comes_back_by_itself(tmp_path: Path) -> None:
    instance = Instance.at(tmp_path / "run")
    await launch.bring_up(instance, SMALL)
    try:
        before = await _pid(instance, "redis-queue-1")
        os.kill(before, signal.SIGKILL)

        async def is_back() -> None:
            units = (await launch.status(instance))["units"]
            unit = next(unit for unit in units if unit["name"] == "redis-queue-1")
            if unit["state"] != "ready" or unit["pid"] == before:
                raise NotReady(f"{unit}")
            assert unit["restarts"] == 1

        await wait_for(is_back, within_s=10, saying="redis-queue-1 is back")
    finally:
        await launch.stop(instance)


@pytest.mark.asyncio
async def test_restart_replaces_each_process_of_a_component(tmp_path: Path) -> None:
    instance = Instance.at(tmp_path / "run")
    await launch.bring_up(instance, ("redis-queue",))
    try:
        pods = ("redis-queue-1", "redis-queue-2")
        before = [await _pid(instance, pod) for pod in pods]
        events = [(event["event"], event["name"]) async for event in launch.restart(instance, "redis-queue")]
        assert events == [(what, pod) for pod in pods for what in ("restarting", "restarted")]
        after = [await _pid(instance, pod) for pod in pods]
        assert not set(before) & set(after)
    finally:
        await launch.stop(instance)


@pytest.mark.asyncio
async def test_what_a_crashed_run_left_is_ended_and_its_state_file_not_believed(tmp_path: Path) -> None:
    instance = Instance.at(tmp_path / "run")
    instance.create()
    # A state file whose numbers belong to other processes by now: ours, with another start time.
    number = f'{{"number": {os.getpid()}, "started_ticks": 1}}'
    text = f'{{"guardian": {number}, "supervisor": {number}, "started_at_s": 0, "only": []}}'
    (instance.path / "state.json").write_text(text)
    assert instance.running() is None
    environment = {process.MARKER: str(instance.path)}
    leftover = await asyncio.create_subprocess_exec("/usr/bin/tail", "-f", "/dev/null", env=environment)
    await launch.bring_up(instance, ("redis-queue",))
    try:
        assert await leftover.wait() == -signal.SIGTERM
    finally:
        await launch.stop(instance)


@pytest.mark.asyncio
async def test_an_occupied_port_is_named_with_its_holder_and_the_remedy(tmp_path: Path) -> None:
    instance = Instance.at(tmp_path / "run")
    instance.create()
    number = instance.ports.of("redis-queue-1", "redis")
    with socket.create_server(("127.0.0.1", number)), pytest.raises(PortsOccupied) as refusal:
        await launch.bring_up(instance, ("redis-queue",))
    message = str(refusal.value)
    assert f"port {number} (redis-queue-1, redis)" in message
    assert f"(process {os.getpid()})" in message
    assert "down --data" in message
    await _nothing_is_left(instance)


@pytest.mark.asyncio
async def test_an_unknown_component_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"no component 'nope'.*redis-queue"):
        await launch.bring_up(Instance.at(tmp_path / "run"), ("nope",))


@pytest.mark.asyncio
async def test_asking_without_a_platform_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match=r"audifi up"):
        await launch.status(Instance.at(tmp_path))


@pytest.mark.asyncio
async def test_a_full_disk_is_refused_before_anything_starts(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: mounts a small file system")
    small = tmp_path / "small"
    small.mkdir()
    await asyncio.to_thread(subprocess.run, ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", small], check=True)
    try:
        with pytest.raises(DiskFull, match=r"MiB free; the platform needs"):
            await launch.bring_up(Instance.at(small / "run"), ("redis-queue",))
    finally:
        await asyncio.to_thread(subprocess.run, ["umount", small], check=True)


@pytest.mark.asyncio
async def test_ctrl_c_during_the_start_stops_everything(tmp_path: Path) -> None:
    instance = Instance.at(tmp_path / "run")
    command = _command("up", "--only", "pgbouncer", instance=instance)
    starting = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert starting.stdout is not None
    async for line in starting.stdout:
        if b"postgres-1 starting" in line:
            starting.send_signal(signal.SIGINT)
            break
    await starting.stdout.read()
    assert await starting.wait() == 130
    await _nothing_is_left(instance)


@pytest.mark.asyncio
async def test_losing_the_one_who_starts_it_during_the_start_stops_everything(tmp_path: Path) -> None:
    instance = Instance.at(tmp_path / "run")
    command = _command("up", "--only", "pgbouncer", instance=instance)
    starting = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert starting.stdout is not None
    async for line in starting.stdout:
        if b"postgres-1 starting" in line:
            starting.kill()
            break
    await starting.wait()
    await _until_nothing_is_left(instance)


@pytest.mark.asyncio
async def test_a_second_up_says_so_and_changes_nothing(tmp_path: Path) -> None:
    instance = Instance.at(tmp_path / "run")
    await launch.bring_up(instance, ("redis-queue",))
    try:
        before = instance.running()
        second = await asyncio.to_thread(
            subprocess.run, _command("up", instance=instance), capture_output=True, text=True, check=False
        )
        assert second.returncode == 0
        assert "Already running" in second.stdout
        assert "redis-queue-1" in second.stdout
        assert instance.running() == before
    finally:
        await launch.stop(instance)
