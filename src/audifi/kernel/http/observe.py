"""Count, time and log one answer, with everything that is the same for a route prepared once.

Between: kernel.http.application (one Observer per route) and kernel.metrics, kernel.logs, kernel.traces.
Units: the log's durationMs in milliseconds, metrics in seconds.
Errors: never raises; the exception that passes through is not touched.
Source: domain.md 6.2, 6.3; ADR "kernel overhead" is measured in benchmarks/.
"""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

from audifi.kernel import context, masking, traces
from audifi.kernel.http.call import Call
from audifi.kernel.logs import LEVELS, head, log
from audifi.kernel.metrics import counter, gauge, histogram
from audifi.wire import metrics

_KNOWN_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_IN_FLIGHT: Final = gauge(metrics.HTTP_IN_FLIGHT)


class Observer:
    """What every answer of one route shares."""

    def __init__(self, method: str, path: str) -> None:
        self.path = path
        self.method = method
        self._requests: dict[tuple[str, int], Any] = {}
        self._duration = histogram(metrics.HTTP_DURATION).labels(method or "other", path)
        self._size = histogram(metrics.HTTP_SIZE).labels(method or "other")

    def observing(self, call: Call[Any], scope: Mapping[str, Any]) -> "Observation":
        return Observation(self, call, scope)

    def count(self, method: str, status: int, duration_s: float) -> None:
        requests = self._requests.get((method, status))
        if requests is None:
            known = method if method in _KNOWN_METHODS else "other"
            requests = counter(metrics.HTTP_REQUESTS).labels(known, self.path, str(status))
            if known != "other":
                self._requests[method, status] = requests
        requests.inc()
        self._duration.observe(duration_s)

    def measure(self, size: str) -> None:
        if size.isdecimal():
            self._size.observe(int(size[:12]))


class Observation:
    """One answer on its way."""

    __slots__ = ("_call", "_observer", "_path", "_span", "_started_s", "status")

    def __init__(self, observer: Observer, call: Call[Any], scope: Mapping[str, Any]) -> None:
        self._observer, self._call = observer, call
        self._path: str = scope["path"]
        self._started_s = time.perf_counter()
        self._span = _server_span(observer, scope["audifi.parent"]) if traces.is_collected() else None
        self.status = 500

    def __enter__(self) -> Self:
        _IN_FLIGHT.inc()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        duration_s = time.perf_counter() - self._started_s
        _IN_FLIGHT.dec()
        call, observer = self._call, self._observer
        observer.count(call.method, self.status, duration_s)
        size = call.headers.lower("content-length")
        if size:
            observer.measure(size)
        if self._span is not None:
            self._span.attributes["http.response.status_code"] = self.status
            self._span.end("" if self.status < 500 else str(self.status))
        if log.threshold <= LEVELS["info"]:
            self._log(duration_s)

    def _log(self, duration_s: float) -> None:
        call, observer = self._call, self._observer
        current = context.current()
        if call.principal is not None:
            current.user_id, current.session_id = call.principal.user_id, call.principal.session_id
        line = head("error" if self.status >= 500 else "info", "request")
        line["method"] = call.method
        line["path"] = observer.path if observer.method else masking.text(self._path[:200])
        line["statusCode"] = self.status
        line["durationMs"] = round(duration_s * 1000, 2)
        line["ipAddress"] = call.client_ip
        line["userAgent"] = masking.text(call.user_agent)
        if call.caller is not None:
            line["metadata"] = {"caller": call.caller}
        log.emit(line)


def _server_span(observer: Observer, parent_id: str) -> traces.Span | None:
    current = context.current()
    if not current.is_sampled:
        return None
    span = traces.Span(
        f"{observer.method} {observer.path}",
        traces.SERVER,
        trace_id=current.trace_id,
        parent_id=parent_id,
        span_id=current.span_id,
    )
    span.attributes["http.route"] = observer.path
    return span
