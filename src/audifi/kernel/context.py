"""Remember which request (or event) the running task works for, so that logs, traces and events can name it.

Between: kernel.http.pipeline and kernel.queue (enter a context) and logs, traces, outbox, database (read it).
Invariant: a task started by a request sees that request's context (contextvars are copied); none leaks to another.
Units: `deadline` is the event loop's time in seconds; infinity where nobody waits.
Errors: never raises.
Source: W3C Trace Context (2021) for ids and flags.
"""

import asyncio
import contextvars
import math
import os
from dataclasses import dataclass


@dataclass(slots=True)
class Context:
    """Who and what the running task works for."""

    request_id: str = ""
    trace_id: str = ""
    span_id: str = ""
    is_sampled: bool = False
    deadline: float = math.inf
    user_id: str | None = None
    session_id: str | None = None

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.is_sampled else '00'}"


@dataclass(slots=True)
class Process:
    """Who this process is; set once by the server."""

    service: str = "unknown"
    pod: str = "unknown"
    version: str = "unknown"
    is_stopping: bool = False  # endless answers end now: no new connection is taken any more


PROCESS = Process()
_NONE = Context()
_current: contextvars.ContextVar[Context] = contextvars.ContextVar("audifi_context", default=_NONE)


def current() -> Context:
    """Return the context of the running task; an empty one outside any request."""
    return _current.get()


def enter(context: Context) -> contextvars.Token[Context]:
    """Make this the context of the running task and of those it starts."""
    return _current.set(context)


def leave(token: contextvars.Token[Context]) -> None:
    _current.reset(token)


def remaining_s() -> float:
    """Return how long the caller still waits; infinity outside any request."""
    deadline = _current.get().deadline
    return math.inf if deadline == math.inf else deadline - asyncio.get_running_loop().time()


def from_traceparent(header: str | None) -> tuple[str, str, bool]:
    """Return (trace id, parent span id, sampled); a new trace for a missing or malformed header."""
    if header is not None and len(header) == 55 and header[2] == header[35] == header[52] == "-":
        trace_id, parent_id, flags = header[3:35], header[36:52], header[53:55]
        if _is_hex(trace_id) and _is_hex(parent_id) and _is_hex(flags) and trace_id.strip("0") and parent_id.strip("0"):
            return trace_id, parent_id, bool(int(flags, 16) & 1)
    return os.urandom(16).hex(), "", True


def new_span_id() -> str:
    return os.urandom(8).hex()


def _is_hex(text: str) -> bool:
    return not text.strip("0123456789abcdef")
