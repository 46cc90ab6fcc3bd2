"""Offer the kernel's HTTP tests a small service without stores, and a way to call it without sockets.

Between: tests and kernel.http.application.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
import pytest

from audifi.kernel.clock import SystemClock
from audifi.kernel.http import (
    Access,
    Application,
    Body,
    Call,
    Kernel,
    Operation,
    Page,
    Paging,
    Reply,
    StepUp,
    Streamed,
    application,
)
from audifi.kernel.identity import Mfa, Principal
from audifi.kernel.limits import Limit, Per
from audifi.kernel.logs import Sink, log
from audifi.kernel.settings import Secret, ServiceSettings
from audifi.wire.problems import Conflict, NotFound, Unauthorized

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=20)]


class Inner(Body):
    """A nested part."""

    city: Text


class Everything(Body):
    """A body with fields of several kinds."""

    name: Text
    age: Annotated[int, msgspec.Meta(ge=0, le=150)]
    home: Inner | None = None
    tags: Annotated[list[Text], msgspec.Meta(max_length=3)] = msgspec.field(default_factory=list[Text])


class Filter(Paging, kw_only=True):
    """A query with a filter."""

    display_name: Text | None = None


class Echo(Reply):
    """What came in."""

    display_name: str
    count: int = 1


async def echo(_: Call[None], body: Everything) -> Echo:
    return Echo(body.name, len(body.tags))


async def listed(_: Call[None], query: Filter) -> Page[Echo]:
    return Page([Echo(query.display_name or "all")], 41, query)


async def one(call: Call[None]) -> Echo:
    match call.path["id"]:
        case "missing":
            raise NotFound
        case "unannounced":
            raise Conflict
        case "bug":
            raise ZeroDivisionError
        case _:
            return Echo(call.path["id"])


async def me(call: Call[None]) -> Echo:
    return Echo(call.user().user_id)


async def leave(call: Call[None]) -> None:
    call.set_cookie("left", "yes", max_age_s=10)


async def take(call: Call[None]) -> Echo:
    seen = 0
    async for piece in call.stream:
        seen += len(piece)
        if piece == b"enough":
            break
    return Echo("taken", seen)


OPERATIONS = (
    Operation(
        method="POST", path="/echo", handler=echo, summary="Echo", tag="t", access=Access.GUEST, body=Everything,
        reply=Echo, status=201, example=Everything(name="Ada", age=36),
    ),
    Operation(
        method="GET", path="/list", handler=listed, summary="List", tag="t", access=Access.GUEST, query=Filter,
        reply=Echo, listed=True,
    ),
    Operation(
        method="GET", path="/things/{id}", handler=one, summary="One", tag="t", access=Access.GUEST, reply=Echo,
        errors=(NotFound,),
    ),
    Operation(method="GET", path="/me", handler=me, summary="Me", tag="t", access=Access.USER, reply=Echo),
    Operation(method="GET", path="/admin", handler=me, summary="Admin", tag="t", access=Access.ADMIN, reply=Echo),
    Operation(
        method="POST", path="/careful", handler=me, summary="Careful", tag="t", access=Access.USER, reply=Echo,
        step_up=StepUp.IF_ENROLLED,
    ),
    Operation(method="DELETE", path="/me", handler=leave, summary="Leave", tag="t", access=Access.USER, status=204),
    Operation(
        method="GET", path="/limited", handler=listed, summary="Limited", tag="t", access=Access.GUEST, query=Filter,
        reply=Echo, listed=True, limits=(Limit(rule="tested", count=3, window_s=86_400, per=Per.IP),),
    ),
    Operation(
        method="POST", path="/stream", handler=take, summary="Take a stream", tag="t", access=Access.GUEST, reply=Echo,
        streamed=Streamed("multipart/form-data", ("song",)), body_bytes_max=100,
    ),
    Operation(
        method="PUT", path="/stream", handler=take, summary="Take a long stream", tag="t", access=Access.GUEST,
        reply=Echo, streamed=Streamed("multipart/form-data", ("song",)), body_bytes_max=110 * 1024 * 1024,
    ),
)  # fmt: skip


class Names:
    """Believe tokens that are a comma-separated description: user, mfa, roles."""

    async def verify(self, token: str) -> Principal:
        user, _, rest = token.partition(",")
        mfa, _, roles = rest.partition(",")
        if not rest:
            raise Unauthorized
        return Principal(user, frozenset(roles.split("+")), "session", Mfa(mfa), "free", None, "token", 2**40)


@dataclass
class Answer:
    """A response."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        return self.json["error"]["code"]


class Client:
    """Call an ASGI application directly."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def call(
        self, method: str, path: str, *, query: str = "", body: bytes | list[bytes] = b"",
        headers: Mapping[str, str] | None = None, peer: str = "203.0.113.7",
    ) -> Answer:  # fmt: skip
        parts = body if isinstance(body, list) else [body]
        sent = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        sent[-1]["more_body"] = False
        answer = Answer()

        async def receive() -> dict[str, Any]:
            return sent.pop(0) if sent else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                answer.body += message["body"]

        given = {"content-type": "application/json"} if body else {}
        raw = [(name.lower().encode(), value.encode()) for name, value in {**given, **(headers or {})}.items()]
        scope = {
            "type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": raw,
            "client": (peer, 1),
        }  # fmt: skip
        await self.application(scope, receive, send)
        return answer


def settings() -> ServiceSettings:
    hidden = Secret("x")
    return ServiceSettings(
        service="tested", pod="tested-1", environment="production", version="1", replicas=1, log_level="error",
        http_host="127.0.0.1", http_port=0, metrics_port=0, drain_s=0, database_writer_url="", database_reader_url="",
        database_password=hidden, database_prepared_statements=False, redis_nodes=(), redis_password=hidden,
        queue_url="", queue_password=hidden, internal_signing_key=hidden, internal_caller_keys="", token_issuer="",
        token_audience="", trusted_proxy_networks=("10.0.0.0/8",),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Send the log nowhere for the length of a test."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    usual, log.sink = log.sink, Sink(nowhere)
    yield
    log.sink.flush()
    log.sink = usual
    os.close(nowhere)


@pytest.fixture
def client() -> Client:
    verifier: Any = Names()
    kernel = Kernel(settings=settings(), deps=None, verifier=verifier, clock=SystemClock())
    return Client(application(OPERATIONS, kernel=kernel, title="tested", version="1"))
