"""Turn a table of operations into the ASGI application of a service: find the operation, frame the answer.

Between: uvicorn (calls it) and kernel.http.pipeline (one per operation).

What the frame adds to every answer, also to 404 and 405: request id, trace, deadline, access log line, metrics,
problem envelope, Cache-Control. A handler's bug is a 500 with a request id, and a log line with the stack.
Why not Starlette's router: the table has a path dictionary and at most a few patterns; a lookup costs 0.3 µs where
matching 40 regular expressions costs 20. Starlette's own types are used for what it does well (test client, ASGI).
Units: durations in ms in logs, seconds in metrics. Deadline: DEADLINE header, at most DEADLINE_S (a streamed body:
STREAMED_DEADLINE_S).
Errors: none leave.
Source: domain.md 2.0, 5.8 (30 s), 6.2, 6.3; RFC 9110 15.5.6 (Allow with 405).
"""

import asyncio
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec

from audifi.kernel import context
from audifi.kernel.http.address import client_address
from audifi.kernel.http.call import Call, RequestHeaders
from audifi.kernel.http.kernel import Kernel
from audifi.kernel.http.observe import Observer
from audifi.kernel.http.openapi import openapi
from audifi.kernel.http.operation import Operation
from audifi.kernel.http.pipeline import ClientLeft, Pipeline, Receive
from audifi.kernel.ids import request_id
from audifi.kernel.limits import Limiter
from audifi.kernel.logs import log
from audifi.kernel.problems import bug_envelope, envelope
from audifi.wire import headers
from audifi.wire.problems import MethodNotAllowed, NotFound, Problem, Unauthorized, Unavailable, UpstreamTimedOut

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
DEADLINE_S: Final = 30.0
STREAMED_DEADLINE_S: Final = 60.0  # an upload takes as long as its sender's line
_REQUEST_ID: Final = re.compile(headers.REQUEST_ID_PATTERN)
_JSON: Final = (b"content-type", b"application/json")
OPENAPI_PATH: Final = "/openapi.json"


def application(operations: Sequence[Operation], *, kernel: Kernel, title: str, version: str) -> "Application":
    """Return the ASGI application: routing, validation, identity, limits, idempotency, envelope, telemetry."""
    document = msgspec.json.encode(openapi(operations, title=title, version=version, limits=kernel.limits))
    return Application(operations, kernel, document)


class Application:
    """The ASGI application of a service."""

    def __init__(self, operations: Sequence[Operation], kernel: Kernel, document: bytes) -> None:
        self._kernel = kernel
        self._document = document
        self._address = client_address(kernel.settings.trusted_proxy_networks)
        self._nowhere = Observer("", "unmatched")
        self._fixed: dict[str, dict[str, Route]] = {}
        self._patterns: list[tuple[re.Pattern[str], dict[str, Route]]] = []
        limiter = Limiter(kernel.cache, replicas=kernel.settings.replicas, clock=kernel.clock)
        by_path: dict[str, dict[str, Route]] = {}
        for operation in operations:
            methods = by_path.setdefault(operation.path, {})
            assert operation.method not in methods, f"{operation.name} is declared twice"
            methods[operation.method] = Route(Pipeline(operation, kernel, limiter))
        for path, methods in by_path.items():
            if "{" in path:
                self._patterns.append((_pattern(path), methods))
            else:
                self._fixed[path] = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        assert scope["type"] == "http", f"{scope['type']} is served elsewhere"
        if scope["path"] == OPENAPI_PATH and scope["method"] in ("GET", "HEAD"):
            await _send(send, 200, self._document, [_JSON])
            return
        methods, parameters = self._find(scope["path"])
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        route = methods.get(method)
        is_streamed = route is not None and route.pipeline.operation.streamed is not None
        call = self._call(scope, parameters, STREAMED_DEADLINE_S if is_streamed else DEADLINE_S)
        observer = route.observer if route is not None else self._nowhere
        with observer.observing(call, scope) as seen:
            try:
                status, body = await self._answer(route, methods, call, receive)
            except ClientLeft:
                seen.status = 499  # nginx's word for it; nobody is left to be answered
                return
            seen.status = status
            head = _head(call, route, body, status)
            if call.reply_pieces is None:
                await _send(send, status, body, head)
            else:
                await _send_pieces((receive, send), status, call.reply_pieces, head)

    def _find(self, path: str) -> "tuple[dict[str, Route], dict[str, str]]":
        fixed = self._fixed.get(path)
        if fixed is not None:
            return fixed, {}
        for pattern, methods in self._patterns:
            match = pattern.fullmatch(path)
            if match is not None:
                return methods, match.groupdict()
        return {}, {}

    def _call(self, scope: Scope, parameters: dict[str, str], deadline_s: float) -> Call[Any]:
        received = RequestHeaders(scope["headers"])
        given = received.lower("x-request-id")
        identity = given if given and _REQUEST_ID.match(given) else request_id()
        trace_id, parent_id, is_sampled = context.from_traceparent(received.lower("traceparent") or None)
        deadline = asyncio.get_running_loop().time() + _patience_s(received.lower(headers.DEADLINE), deadline_s)
        own = context.Context(identity, trace_id, context.new_span_id(), is_sampled, deadline)
        context.enter(own)
        scope["audifi.parent"] = parent_id
        peer = scope.get("client")
        return Call(
            deps=self._kernel.deps,
            request_id=identity,
            traceparent=own.traceparent,
            method=scope["method"],
            path=parameters,
            raw_query=scope["query_string"],
            headers=received,
            client_ip=self._address(peer[0] if peer else "", received.lower("x-forwarded-for")),
            deadline=deadline,
        )

    async def _answer(
        self, route: "Route | None", methods: "dict[str, Route]", call: Call[Any], receive: Receive
    ) -> tuple[int, bytes]:
        try:
            if route is None:
                return self._nowhere_to_go(methods, call)
            operation = route.pipeline.operation
            call.reply_status, call.reply_is_bare = operation.status, not operation.envelope
            async with asyncio.timeout_at(call.deadline):
                return await route.pipeline.answer(call, receive)
        except ClientLeft:
            raise
        except Problem as problem:
            return self._refused(problem, route, call)
        except TimeoutError as error:
            if asyncio.get_running_loop().time() < call.deadline:
                return _broken(error, call)
            return self._refused(UpstreamTimedOut(), route, call)
        except Exception as error:  # noqa: BLE001  # the request boundary: a bug answers 500
            return _broken(error, call)

    def _nowhere_to_go(self, methods: "dict[str, Route]", call: Call[Any]) -> tuple[int, bytes]:
        if not methods:
            return self._refused(NotFound(), None, call)
        call.reply_headers["Allow"] = ", ".join(sorted(methods))
        return self._refused(MethodNotAllowed(), None, call)

    def _refused(self, problem: Problem, route: "Route | None", call: Call[Any]) -> tuple[int, bytes]:
        if route is not None and problem.status not in route.pipeline.statuses:
            log.error("an operation refused in a way it does not announce", operation=route.pipeline.operation.name)
            return _broken(problem, call)
        if isinstance(problem, Unavailable):
            log.warning("unavailable", code=problem.code, error=problem, path=route.path if route else "")
        if problem.retry_after_s is not None:
            call.reply_headers[headers.RETRY_AFTER] = str(problem.retry_after_s)
        if isinstance(problem, Unauthorized):
            call.reply_headers["WWW-Authenticate"] = "Bearer"
        if problem.status == 413:
            call.reply_headers["Connection"] = "close"  # the rest of the body is not read
        return problem.status, envelope(problem, call.request_id, is_production=self._kernel.is_production)


class Route:
    """An operation's pipeline and its pre-bound metrics."""

    __slots__ = ("cache_control", "observer", "path", "pipeline")

    def __init__(self, pipeline: Pipeline) -> None:
        operation = pipeline.operation
        self.pipeline = pipeline
        self.path = operation.path
        self.observer = Observer(operation.method, operation.path)
        self.cache_control = (b"cache-control", operation.cache_control.encode())


def _broken(error: BaseException, call: Call[Any]) -> tuple[int, bytes]:
    log.error("a bug: the request failed", error=error, method=call.method)
    return 500, bug_envelope(call.request_id)


def _head(call: Call[Any], route: Route | None, body: bytes, status: int) -> list[tuple[bytes, bytes]]:
    head = [(b"x-request-id", call.request_id.encode("latin-1"))]
    if body:
        head.append(_JSON)
    if route is not None and status < 400:
        head.append(route.cache_control)
    else:
        head.append((b"cache-control", b"no-store"))
    for name, value in call.reply_headers.items():
        head.append((name.lower().encode("latin-1"), value.encode("latin-1")))
    if call.reply_pieces is not None and route is not None and route.pipeline.operation.sends is not None:
        head.append((b"content-type", route.pipeline.operation.sends.encode("latin-1")))
    head.extend((b"set-cookie", cookie.encode("latin-1")) for cookie in call.reply_cookies)
    return head


async def _send(send: Send, status: int, body: bytes, head: list[tuple[bytes, bytes]]) -> None:
    if status != 204:
        head.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


async def _send_pieces(
    line: tuple[Receive, Send], status: int, pieces: AsyncIterator[bytes], head: list[tuple[bytes, bytes]]
) -> None:
    # A long answer lasts as long as its reader's line. What fails now breaks the connection: the head has left.
    context.current().deadline = math.inf
    receive, send = line
    await send({"type": "http.response.start", "status": status, "headers": head})
    leaving = asyncio.create_task(_left(receive))
    try:
        while (piece := await _next(pieces, leaving)) is not None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    finally:
        leaving.cancel()
    await send({"type": "http.response.body", "body": b""})


async def _next(pieces: AsyncIterator[bytes], leaving: "asyncio.Task[None]") -> bytes | None:
    """Return the next piece; None at the end, and when nobody reads any more."""
    making = asyncio.ensure_future(anext(pieces, None))
    try:
        await asyncio.wait({making, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not making.done():
            making.cancel()
            await asyncio.gather(making, return_exceptions=True)
    return None if making.cancelled() else making.result()


async def _left(receive: Receive) -> None:
    """Return when the client has left; the request's own messages come first."""
    for _ in range(2):
        if (await receive())["type"] == "http.disconnect":
            return
    await asyncio.Event().wait()


def _patience_s(header: str, at_most_s: float) -> float:
    if header.isdecimal() and len(header) < 8:
        return min(at_most_s, max(0.001, int(header) / 1000))
    return at_most_s


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", path)
    text = "".join(f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
    return re.compile(text, re.DOTALL)
