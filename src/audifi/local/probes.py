"""Ask a server on this machine whether it is ready.

Between: components (`PodSpec.ready`) and sockets on 127.0.0.1.
Invariant: one question, one short time-out, no retry: local.supervisor asks again.
Units: *_s seconds.
Errors: NotReady with what was seen.
"""

import asyncio
import http.client
import json
from typing import Any, Final

from audifi.local.ports import LOOPBACK
from audifi.local.waiting import NotReady

ANSWER_WITHIN_S: Final = 2.0  # a loopback answer takes milliseconds; two seconds cover a busy two-core machine


async def accepts(port: int) -> str:
    """The port accepts a connection."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(LOOPBACK, port), ANSWER_WITHIN_S)
    except (OSError, TimeoutError) as error:
        raise NotReady(f"port {port}: {error or 'no answer'}") from error
    writer.close()
    return f"listening on {port}"


async def http_get(port: int, path: str, *, expect: int = 200) -> str:
    """GET answers with the expected status; returns the body."""
    status, body = await asyncio.to_thread(_get, port, path)
    if status != expect:
        raise NotReady(f"GET {path} on {port} answered {status}: {body[:200]}")
    return body


async def http_json(port: int, path: str) -> Any:
    """GET answers, with any status; returns the parsed body."""
    _, body = await asyncio.to_thread(_get, port, path)
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        raise NotReady(f"GET {path} on {port} answered no JSON: {body[:80]!r}") from error


async def http_post(port: int, path: str, body: str) -> str:
    """POST answers, with any status; returns the body."""
    _, answer = await asyncio.to_thread(_ask, port, path, body)
    return answer


async def rpc(port: int, method: str, *params: Any) -> Any:
    """The result of a JSON-RPC call."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    _, answer = await asyncio.to_thread(_ask, port, "/", body)
    try:
        return json.loads(answer)["result"]
    except (json.JSONDecodeError, KeyError) as error:
        raise NotReady(f"{method} on {port} answered {answer[:200]}") from error


def _get(port: int, path: str) -> tuple[int, str]:
    return _ask(port, path, None)


def _ask(port: int, path: str, posted: str | None) -> tuple[int, str]:
    verb = "GET" if posted is None else "POST"
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=ANSWER_WITHIN_S)
    try:
        connection.request(verb, path, posted, {"Content-Type": "application/json"} if posted else {})
        with connection.getresponse() as answer:  # closing the connection alone leaves the answer's socket open
            return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise NotReady(f"{verb} {path} on {port}: {error}") from error
    finally:
        connection.close()
