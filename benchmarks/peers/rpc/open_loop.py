"""Drive a Python client as rpc_failover asks: open loop, one line per call; also one broadcast, and CPU per call.

Between: a client's adapter (ours.py, web3_py.py) and benchmarks/failover, by stdin and stdout. It runs in a peer's
own environment too, so it imports the standard library only.
Shape: the first line it is told is {"mode": "calls" | "send" | "cost", …}; it prints {"ready": true}, waits for a
second line, then works. load.js is the same for JavaScript: what is asked, when, and what a line means must stay alike.
Units: ms; `at` is CLOCK_MONOTONIC in seconds, the clock the driver and the JavaScript peers read too.
Invariant: a call begins at its time whatever the earlier ones do, and its ms count from then (no coordinated omission).
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

PATTERN = ("call", "balance", "call", "call", "balance", "block", "call", "balance", "call", "call")
# NUMBER, and BLOCKHASH(NUMBER - 1): run without a contract, it tells which block `latest` was. The salt after it is
# never executed, and makes every call another one.
PROBE = "0x435f52600143034060205260405ff3"

Ask = Callable[[str, list[Any]], Awaitable[Any]]
Broadcast = Callable[[str], Awaitable[str]]


def say(line: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def question(seed: int, number: int) -> tuple[str, str, list[Any]]:
    """What one call asks: kind, method, params."""
    kind = PATTERN[number % len(PATTERN)]
    salt = f"{seed * 1_000_000 + number:x}"
    if kind == "block":
        return kind, "eth_getBlockByNumber", ["latest", False]
    if kind == "balance":
        return kind, "eth_getBalance", [f"0x{salt:0>40}", "latest"]
    return kind, "eth_call", [{"data": f"{PROBE}{salt:0>24}"}, "latest"]


def seen(kind: str, answer: Any) -> dict[str, Any]:
    """The block an answer speaks of; the hash is of `height`'s parent for a call, its own for a block."""
    if kind == "block":
        return {"height": int(answer["number"], 16), "hash": answer["hash"]}
    if kind == "call":
        return {"height": int(answer[2:66], 16), "parent": f"0x{answer[66:130]}"}
    return {}


def named(error: BaseException) -> str:
    """What the library says, without addresses: a key is part of them."""
    return re.sub(r"https?:\S+", "URL", f"{type(error).__name__}: {error}")[:160]


async def timed(ask: Ask, asked: tuple[str, str, list[Any]], at: float) -> dict[str, Any]:
    kind, method, params = asked
    try:
        found = seen(kind, await ask(method, params))
    except Exception as error:  # noqa: BLE001  # whatever a library raises is what its caller would see
        return {"at": at, "kind": kind, "ms": (time.monotonic() - at) * 1000, "ok": False, "error": named(error)}
    return {"at": at, "kind": kind, "ms": (time.monotonic() - at) * 1000, "ok": True, **found}


async def calls(ask: Ask, told: Mapping[str, Any]) -> None:
    begin, rate = time.monotonic(), told["rate"]
    pending: dict[asyncio.Task[dict[str, Any]], tuple[float, str]] = {}

    def done(task: asyncio.Task[dict[str, Any]]) -> None:
        del pending[task]
        if not task.cancelled():
            say(task.result())

    for number in range(int(rate * told["seconds"])):
        at = begin + number / rate
        await asyncio.sleep(max(at - time.monotonic(), 0))
        asked = question(told["seed"], number)
        task = asyncio.create_task(timed(ask, asked, at))
        pending[task] = (at, asked[0])
        task.add_done_callback(done)
    if pending:
        await asyncio.wait(list(pending), timeout=told["drain_s"])
    for task, (at, kind) in list(pending.items()):
        task.cancel()
        say({"at": at, "kind": kind, "ms": (time.monotonic() - at) * 1000, "ok": False, "error": "unanswered"})


async def cost(ask: Ask, told: Mapping[str, Any]) -> None:
    numbers = iter(range(told["count"]))

    async def worker() -> None:
        for number in numbers:
            _, method, params = question(told["seed"], number * len(PATTERN))  # the first of the pattern: eth_call only
            await ask(method, params)

    before = time.process_time()
    await asyncio.gather(*(worker() for _ in range(told["at_once"])))
    say({"cpu_us": (time.process_time() - before) / told["count"] * 1e6, "failed": 0})


async def send(broadcast: Broadcast, told: Mapping[str, Any]) -> None:
    at = time.monotonic()
    try:
        answer = {"told": await broadcast(told["raw"])}
    except Exception as error:  # noqa: BLE001  # whatever a library raises is what its caller would see
        answer = {"error": named(error)}
    say({**answer, "ms": (time.monotonic() - at) * 1000})


async def run(told: Mapping[str, Any], ask: Ask, broadcast: Broadcast) -> None:
    """Connect, say so, wait for the word, work."""
    await ask("eth_getBalance", ["0x0000000000000000000000000000000000000001", "latest"])
    say({"ready": True})
    await asyncio.to_thread(sys.stdin.readline)
    if told["mode"] == "calls":
        await calls(ask, told)
    elif told["mode"] == "send":
        await send(broadcast, told)
    else:
        await cost(ask, told)


def told() -> dict[str, Any]:
    """The first line: what to do, and where the providers are."""
    return json.loads(sys.stdin.readline())
