"""Turn the knobs of stand-ins and read their counts: for tests, drills, benchmarks and the command line.

Between: their code and the control port of a stand-in's pod (the mail stand-in's is its `http` port).
Shape: `set_faults(port, latency_ms=800)` replaces every fault; `chain="polygon"` (name or id) narrows it to one chain
of an RPC provider; a Call is one row of what an RPC provider counted.
Invariant: nothing is retried: a knob is turned once or the caller hears why not.
Units: whatever the stand-in's own Faults say (`*_ms`, `*_rate`); *_s seconds here.
Errors: KnobRefused with the stand-in's own words; NotRunning when nothing listens.
"""

import asyncio
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from audifi.local.errors import LocalError, NotRunning
from audifi.local.ports import LOOPBACK
from audifi.local.state import Instance

ANSWER_WITHIN_S: Final = 5.0  # a loopback answer takes milliseconds; a busy two-core machine is slower
OK: Final = 200
NO_CONTENT: Final = 204


class KnobRefused(LocalError):
    """The stand-in does not accept this knob."""


@dataclass(frozen=True, slots=True)
class Row:
    """So many calls of one method on one chain met this fault ("" none) and got this status (0: no answer)."""

    chain: str
    method: str
    fault: str
    status: int
    count: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What an RPC provider saw since its counts were cleared."""

    requests: Mapping[str, int]  # HTTP requests by chain; a batch is one
    in_flight: Mapping[str, int]  # of those, not ended yet
    calls: tuple[Row, ...]  # JSON-RPC calls that ended

    def total(self, *, chain: str = "", method: str = "", fault: str | None = None) -> int:
        """Calls that ended, narrowed by what is given; fault="" counts those that met none."""
        return sum(
            row.count
            for row in self.calls
            if (not chain or row.chain == chain)
            and (not method or row.method == method)
            and (fault is None or row.fault == fault)
        )


def control_of(instance: Instance, pod: str, name: str = "control") -> int:
    """The port that turns this pod's knobs (`name="http"` for mail-1)."""
    port = instance.ports.known(pod, name)
    if port is None:
        raise NotRunning(f"no {pod} was ever started in {instance.path}: ./audifi up")
    return port


async def set_faults(port: int, *, chain: str | int | None = None, **faults: Any) -> Any:
    """Replace all faults by these; returns what is in force now."""
    return await _asked("PUT", port, _path("/faults", chain), faults)


async def clear_faults(port: int, *, chain: str | int | None = None) -> Any:
    """Behave again."""
    return await _asked("DELETE", port, _path("/faults", chain))


async def faults(port: int) -> Any:
    """What is in force now."""
    return await _asked("GET", port, "/faults")


async def counts(port: int) -> Counted:
    """What an RPC provider saw since the last `clear_counts`."""
    found = await _asked("GET", port, "/counts")
    return Counted(found["requests"], found["in_flight"], tuple(Row(**row) for row in found["calls"]))


async def advance(port: int, seconds: float) -> int:
    """Let time pass at a stand-in with a clock of its own (Stripe); returns what it is there now, in epoch seconds."""
    return int((await _asked("POST", port, "/clock", {"advance_s": seconds}))["now"])


async def replay_webhooks(port: int, times: int = 1) -> int:
    """Have everything that ever happened told again; returns how many deliveries that makes."""
    return int((await _asked("POST", port, "/webhooks/replay", {"times": times}))["deliveries"])


async def webhooks_waiting(port: int) -> int:
    """How many deliveries are not acknowledged yet."""
    return int((await _asked("GET", port, "/webhooks"))["waiting"])


async def messages(port: int, *, after: int = 0) -> list[dict[str, Any]]:
    """What a receiver of alerts has taken, oldest first, with an id greater than `after`."""
    return (await _asked("GET", port, f"/messages?after={after}"))["data"]


async def clear_counts(port: int) -> None:
    """Count from nothing."""
    await _asked("DELETE", port, "/counts")


def _path(path: str, chain: str | int | None) -> str:
    return path if chain is None else f"{path}?{urlencode({'chain': chain})}"


async def _asked(verb: str, port: int, path: str, body: Any = None) -> Any:
    status, text = await asyncio.to_thread(_ask, verb, port, path, body)
    if status not in {OK, NO_CONTENT}:
        raise KnobRefused(f"{verb} {path} on {port} answered {status}: {text[:500]}")
    return json.loads(text) if text else None


def _ask(verb: str, port: int, path: str, body: Any) -> tuple[int, str]:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=ANSWER_WITHIN_S)
    try:
        connection.request(verb, path, None if body is None else json.dumps(body))
        with connection.getresponse() as answer:
            return answer.status, answer.read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise NotRunning(f"no stand-in answers on port {port} ({error}): ./audifi status") from error
    finally:
        connection.close()
