"""Spans arrive at a collector as OTLP; one that is away costs spans, never requests."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web

from audifi.kernel import context, traces
from audifi.kernel.metrics import counter
from audifi.kernel.traces import Exporter, span
from audifi.local.waiting import NotReady, wait_for
from audifi.wire import metrics

pytestmark = pytest.mark.asyncio
TRACE = "0af7651916cd43dd8448eb211c80319c"


@dataclass
class Collector:
    """What a collector received."""

    url: str = ""
    status: int = 200
    documents: list[Any] = field(default_factory=list[Any])

    async def take(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/json"
        self.documents.append(msgspec.json.decode(await request.read()))
        return web.json_response({}, status=self.status)

    @property
    def spans(self) -> list[dict[str, Any]]:
        return [
            row
            for document in self.documents
            for resource in document["resourceSpans"]
            for scope in resource["scopeSpans"]
            for row in scope["spans"]
        ]


@pytest_asyncio.fixture
async def collector() -> AsyncGenerator[Collector]:
    """A collector on a port of its own."""
    collector, app = Collector(), web.Application()
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector.url = "http://127.0.0.1:{1}".format(*runner.addresses[0])
    yield collector
    await runner.cleanup()


async def collected() -> None:
    if not traces.is_collected():
        raise NotReady("no exporter runs")


async def exported(url: str, *, is_sampled: bool = True) -> None:
    """Do something with an inner part, with an exporter running, and stop it."""
    exporting = asyncio.create_task(Exporter(url).run())
    await wait_for(collected, within_s=5, saying="the exporter runs", every_s=0.01)
    token = context.enter(context.Context("req_1", TRACE, "b7ad6b7169203331", is_sampled))
    with pytest.raises(ZeroDivisionError), span("outer", traces.CLIENT) as outer:  # noqa: PT012  # through both
        outer.attributes["rows"] = 3
        with span("inner"):
            raise ZeroDivisionError
    context.leave(token)
    exporting.cancel()
    await asyncio.gather(exporting, return_exceptions=True)
    assert not traces.is_collected()


async def test_spans_arrive_with_parents_attributes_and_failures(collector: Collector) -> None:
    await exported(collector.url)
    inner, outer = collector.spans
    assert {row["traceId"] for row in collector.spans} == {TRACE}
    assert outer["parentSpanId"] == "b7ad6b7169203331"
    assert inner["parentSpanId"] == outer["spanId"]
    assert (outer["name"], outer["kind"]) == ("outer", traces.CLIENT)
    assert outer["attributes"] == [{"key": "rows", "value": {"intValue": "3"}}]
    assert inner["status"] == {"code": 2, "message": "ZeroDivisionError"}
    assert int(outer["startTimeUnixNano"]) <= int(inner["startTimeUnixNano"]) <= int(inner["endTimeUnixNano"])
    resource = {row["key"] for row in collector.documents[0]["resourceSpans"][0]["resource"]["attributes"]}
    assert {"service.name", "service.instance.id", "service.version"} == resource


async def test_what_the_caller_does_not_sample_is_not_sent(collector: Collector) -> None:
    await exported(collector.url, is_sampled=False)
    assert collector.documents == []


async def test_a_collector_that_refuses_or_is_away_costs_spans_that_are_counted(collector: Collector) -> None:
    dropped = counter(metrics.TRACE_SPANS_DROPPED).collect
    before = next(iter(dropped())).samples[0].value
    collector.status = 503
    await exported(collector.url)
    await exported("http://127.0.0.1:1")
    assert next(iter(dropped())).samples[0].value - before == 4


async def test_memory_is_bounded_while_the_collector_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "SPANS_MAX", 10)
    exporter = Exporter("http://127.0.0.1:1")
    dropped = counter(metrics.TRACE_SPANS_DROPPED).collect
    before = next(iter(dropped())).samples[0].value
    for _ in range(25):
        exporter.add(traces.Span("s", traces.INTERNAL, trace_id=TRACE, parent_id="", span_id="b7ad6b7169203331"))
    assert next(iter(dropped())).samples[0].value - before == 15
