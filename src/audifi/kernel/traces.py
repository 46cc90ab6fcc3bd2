"""Record what a request did where, and send it to a collector in batches, by OTLP over HTTP.

Between: kernel.http.pipeline, kernel.database, kernel.queue (open spans) and the collector at OTLP_URL.
Shape: spans wait in a list of at most SPANS_MAX; `Exporter.run` posts it every EXPORT_S.
Why not the OpenTelemetry SDK: its span costs 30-50 µs, as much as all the rest of the kernel; the protocol is one
JSON document (OTLP/HTTP with JSON encoding). Remove this module if the SDK gets below 5 µs.
Invariant: without an exporter (OTLP_URL unset) `span` costs one comparison; export never delays a request; a
collector that is away loses spans (counted), never memory.
Errors: none leaves.
Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp-request (1.5.0); W3C Trace Context.
"""

import asyncio
import contextvars
import time
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import msgspec

from audifi.kernel import context
from audifi.kernel.logs import log
from audifi.kernel.metrics import counter
from audifi.wire import metrics

SPANS_MAX: Final = 8192
EXPORT_S: Final = 1.0
SERVER, CLIENT, INTERNAL, PRODUCER, CONSUMER = 2, 3, 1, 4, 5  # SpanKind of opentelemetry/proto/trace/v1/trace.proto
_ERROR: Final = 2

_parent: contextvars.ContextVar[str] = contextvars.ContextVar("audifi_span", default="")


class Span:
    """One timed step; use it as a context manager."""

    __slots__ = (
        "_token",
        "attributes",
        "ended_ns",
        "failed",
        "kind",
        "name",
        "parent_id",
        "span_id",
        "started_ns",
        "trace_id",
    )

    def __init__(self, name: str, kind: int, *, trace_id: str, parent_id: str, span_id: str) -> None:
        self.name, self.kind = name, kind
        self.trace_id, self.parent_id, self.span_id = trace_id, parent_id, span_id
        self.attributes: dict[str, Any] = {}
        self.started_ns = time.time_ns()
        self.ended_ns = 0
        self.failed = ""

    def __enter__(self) -> Self:
        self._token = _parent.set(self.span_id)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _parent.reset(self._token)
        self.end(type(error).__name__ if error is not None else "")

    def end(self, failed: str = "") -> None:
        self.ended_ns, self.failed = time.time_ns(), failed
        if _exporter is not None:
            _exporter.add(self)


class _Nothing:
    """Stands for a span when nobody collects them."""

    __slots__ = ("attributes",)

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.attributes.clear()


_NOTHING = _Nothing()
_exporter: "Exporter | None" = None


def span(name: str, kind: int = INTERNAL) -> "Span | _Nothing":
    """Open a step of the running request; does nothing when nobody collects or the caller's trace is not sampled."""
    if _exporter is None:
        return _NOTHING
    current = context.current()
    if not current.is_sampled:
        return _NOTHING
    return Span(
        name, kind, trace_id=current.trace_id, parent_id=_parent.get() or current.span_id, span_id=context.new_span_id()
    )


def is_collected() -> bool:
    return _exporter is not None


class Exporter:
    """Hold finished spans and post them."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + "/v1/traces"
        self._spans: list[Span] = []
        self._dropped = counter(metrics.TRACE_SPANS_DROPPED)
        self._was_refused = False

    def add(self, finished: Span) -> None:
        if len(self._spans) >= SPANS_MAX:
            self._dropped.inc()
            return
        self._spans.append(finished)

    async def run(self) -> None:
        """Post every EXPORT_S until cancelled, then once more."""
        global _exporter  # noqa: PLW0603  # the process's one exporter, set while it runs
        _exporter = self
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            try:
                while True:
                    await asyncio.sleep(EXPORT_S)
                    await self._post(session)
            finally:
                _exporter = None
                await self._post(session)

    async def _post(self, session: aiohttp.ClientSession) -> None:
        spans, self._spans = self._spans, []
        if not spans:
            return
        try:
            headers = {"Content-Type": "application/json"}
            async with session.post(self._url, data=msgspec.json.encode(document(spans)), headers=headers) as reply:
                refused = reply.status >= 300
        except (aiohttp.ClientError, TimeoutError):
            refused = True
        if refused:
            self._dropped.inc(len(spans))
        if refused and not self._was_refused:
            log.warning("the trace collector does not take spans", url=self._url)
        self._was_refused = refused


def document(spans: list[Span]) -> dict[str, Any]:
    """Return the export request: one resource, one scope."""
    process = context.PROCESS
    resource = {"service.name": process.service, "service.instance.id": process.pod, "service.version": process.version}
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resource)},
                "scopeSpans": [{"scope": {"name": "audifi.kernel"}, "spans": [_span(each) for each in spans]}],
            }
        ]
    }


def _span(finished: Span) -> dict[str, Any]:
    row: dict[str, Any] = {
        "traceId": finished.trace_id,
        "spanId": finished.span_id,
        "name": finished.name,
        "kind": finished.kind,
        "startTimeUnixNano": str(finished.started_ns),
        "endTimeUnixNano": str(finished.ended_ns),
        "attributes": _attributes(finished.attributes),
        "status": {"code": _ERROR, "message": finished.failed} if finished.failed else {},
    }
    if finished.parent_id:
        row["parentSpanId"] = finished.parent_id
    return row


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)}
