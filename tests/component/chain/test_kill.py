"""Kill a real pod with SIGKILL all along the way from a request to its receipt, through the pool and two providers."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from tests.component.chain.conftest import Outside, StoreSettings, World

from audifi.clients.chain.writing.ledger import State

pytestmark = pytest.mark.asyncio

LIVES = 24  # kills, evenly spaced over the life of a pod that is left alone


@pytest_asyncio.fixture
async def dying(world: World, told: StoreSettings, outside: Outside) -> AsyncIterator[asyncio.subprocess.Process]:
    program = Path(__file__).with_name("dying.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    settings = {
        "pod": told.pod,
        "writer": told.database_writer_url,
        "reader": told.database_reader_url,
        "password": told.database_password.reveal(),
        "providers": outside.providers,
        "keys": outside.keys.reveal(),
        "signer": world.key.reveal(),
    }
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(settings) + b"\n")
    yield process
    process.stdin.close()
    await process.wait()


async def live(world: World, process: asyncio.subprocess.Process, last_turn: int) -> tuple[int, str]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{last_turn} {world.clock.ahead.total_seconds()}\n".encode())
    turns, ended = (await process.stdout.readline()).split()
    return int(turns), ended.decode()


async def test_a_pod_killed_anywhere_loses_and_doubles_nothing(world: World, dying: asyncio.subprocess.Process) -> None:
    await world.endpoint.development("evm_setAutomine", True)
    await world.ask("whole")
    turns, ended = await live(world, dying, 10**9)
    assert (ended, (await world.find("whole")).state) == ("lived", State.MINED), "a life reaches its receipt"
    seen: set[State] = set()
    for number in range(LIVES):
        key = f"sale {number}"
        await world.ask(key)
        _, ended = await live(world, dying, 1 + turns * number // LIVES)
        assert ended != "failed"
        seen.add((await world.find(key)).state)
        row = await world.settle(key)
        assert (row.state, row.nonce) == (State.FINAL, number + 1), row
        assert await world.received(key) == 1
        assert await world.endpoint.receipt(row.hash or "") is not None
    assert await world.mined_nonces() == LIVES + 1
    assert {State.WANTED, State.SIGNED} <= seen, f"the kills fell everywhere: {seen}"
