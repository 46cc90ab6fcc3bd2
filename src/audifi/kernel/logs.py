"""Write one JSON object per line to standard output, without ever making a request wait for it.

Between: everything (`from audifi.kernel.logs import log`) and the collector that reads our standard output.
Shape: timestamp, level, service, message, requestId, traceId, spanId, then what is known of userId, sessionId, method,
path, statusCode, durationMs, ipAddress, userAgent, securityEvent; any other field goes into `metadata`.

How it stays cheap: a line is encoded at once and appended to a list; a thread writes the list out every FLUSH_S, at
once for errors and at exit. When the reader stalls, at most LINES_MAX lines wait; later ones are dropped and counted
in the next line that gets through. What is lost when the process is killed is the last FLUSH_S.
Invariant: everything passes kernel.masking except numbers.
Errors: never raises; a value that JSON cannot hold is written as text.
Source: domain.md 6.3 (fields), 4 (masking).
"""

import atexit
import logging
import os
import threading
import traceback
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from audifi.kernel import masking
from audifi.kernel.context import PROCESS, current

FLUSH_S: Final = 0.05
LINES_MAX: Final = 50_000
LEVELS: Final = {"debug": 10, "info": 20, "warn": 30, "error": 40, "critical": 50}
_TOP: Final = {
    "user_id": "userId",
    "session_id": "sessionId",
    "method": "method",
    "path": "path",
    "status_code": "statusCode",
    "duration_ms": "durationMs",
    "ip_address": "ipAddress",
    "user_agent": "userAgent",
    "security_event": "securityEvent",
}
_encoder = msgspec.json.Encoder(enc_hook=str)


class Sink:
    """Collect lines and write them from a thread."""

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._lines: list[bytes] = []
        self._dropped = 0
        self._wake = threading.Event()
        self._now = threading.Event()
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None

    def write(self, line: bytes, *, urgent: bool = False) -> None:
        if len(self._lines) >= LINES_MAX:
            self._dropped += 1
            return
        self._lines.append(line)
        if self._thread is None:
            self._start()
        if urgent:
            self._now.set()
        if not self._wake.is_set():
            self._wake.set()

    def flush(self) -> None:
        """Write what waits, now, from this thread."""
        with self._writing:
            lines, self._lines = self._lines, []
            data = memoryview(b"".join(lines))
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except OSError:
                return  # whoever read our output is gone: there is nobody to tell
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            log.warning("log lines were dropped: standard output is not read fast enough", lines=dropped)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="logs", daemon=True)
        self._thread.start()
        atexit.register(self.flush)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._now.wait(FLUSH_S)
            self._now.clear()
            self._wake.clear()
            self.flush()


class Log:
    """Write one JSON object per line; the request's ids are added. Never pass a token, a code or a mail body."""

    def __init__(self, sink: Sink | None = None) -> None:
        self.sink = sink or Sink()
        self.threshold = LEVELS["info"]

    def debug(self, message: str, **fields: Any) -> None:
        if self.threshold <= LEVELS["debug"]:
            self.say("debug", message, **fields)

    def info(self, message: str, **fields: Any) -> None:
        if self.threshold <= LEVELS["info"]:
            self.say("info", message, **fields)

    def warning(self, message: str, **fields: Any) -> None:
        if self.threshold <= LEVELS["warn"]:
            self.say("warn", message, **fields)

    def error(self, message: str, **fields: Any) -> None:
        self.say("error", message, **fields)

    def critical(self, message: str, **fields: Any) -> None:
        self.say("critical", message, **fields)

    def say(self, level: str, message: str, **fields: Any) -> None:
        line = head(level, masking.text(message))
        metadata: dict[str, Any] = {}
        for name, value in fields.items():
            if isinstance(value, BaseException):
                metadata[name] = described(value)
            elif name in _TOP:
                line[_TOP[name]] = masking.field(name, value)
            else:
                metadata[name] = masking.field(name, value)
        if metadata:
            line["metadata"] = metadata
        self.emit(line, urgent=LEVELS[level] >= LEVELS["error"])

    def emit(self, line: dict[str, Any], *, urgent: bool = False) -> None:
        """Write a prepared line (the access log prepares its own: it has no field that needs masking but two)."""
        self.sink.write(_encoder.encode(line) + b"\n", urgent=urgent)


def head(level: str, message: str) -> dict[str, Any]:
    """Return the fields that every line starts with."""
    context = current()
    line: dict[str, Any] = {
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds")[:23] + "Z",
        "level": level,
        "service": PROCESS.service,
        "message": message,
    }
    if context.request_id:
        line["requestId"] = context.request_id
        line["traceId"] = context.trace_id
        line["spanId"] = context.span_id
        if context.user_id is not None:
            line["userId"] = context.user_id
            line["sessionId"] = context.session_id
    return line


def described(error: BaseException) -> dict[str, Any]:
    """Return type, text and stack of an exception, masked; causes included."""
    return {
        "type": type(error).__qualname__,
        "text": masking.text(str(error)),
        "stack": masking.text("".join(traceback.format_exception(error))),
    }


class Bridge(logging.Handler):
    """Send what libraries log (uvicorn, asyncio, asyncpg, redis) the same way."""

    def emit(self, record: logging.LogRecord) -> None:
        level = (
            "critical" if record.levelno >= logging.CRITICAL else record.levelname.lower().replace("warning", "warn")
        )
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info is not None and isinstance(record.exc_info[1], BaseException):
            fields["error"] = record.exc_info[1]
        if level in LEVELS and log.threshold <= LEVELS[level]:
            log.say(level, record.getMessage(), **fields)


log: Final = Log()


def configure(level: str) -> None:
    """Set the threshold and take over the root logger of the standard library (warnings and worse)."""
    log.threshold = LEVELS[level]
    root = logging.getLogger()
    root.handlers[:] = [Bridge()]
    root.setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
