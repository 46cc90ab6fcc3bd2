"""A body too large to hold leaves piece by piece, under its own media type."""

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.unit.kernel.conftest import Client, Names, settings

from audifi.kernel import context
from audifi.kernel.clock import SystemClock
from audifi.kernel.http import Access, Call, Kernel, Operation, application, openapi
from audifi.wire.problems import NotFound

MISSING: list[str] = []


async def file(_: Call[None]) -> AsyncIterator[bytes]:
    if MISSING:
        raise NotFound
    return pieces()


async def pieces() -> AsyncIterator[bytes]:
    assert context.current().deadline == math.inf, "a reader may take its time"
    for number in range(3):
        yield f"{number},\r\n".encode()


OPERATIONS = (
    Operation(
        method="GET", path="/file", handler=file, summary="A file", tag="t", access=Access.GUEST, reply=str,
        sends="text/csv", errors=(NotFound,),
    ),
)  # fmt: skip


@pytest.fixture
def files() -> Client:
    verifier: Any = Names()
    kernel = Kernel(settings=settings(), deps=None, verifier=verifier, clock=SystemClock())
    return Client(application(OPERATIONS, kernel=kernel, title="tested", version="1"))


def test_pieces_leave_under_their_media_type(files: Client) -> None:
    answer = asyncio.run(files.call("GET", "/file"))
    assert (answer.status, answer.body) == (200, b"0,\r\n1,\r\n2,\r\n")
    assert answer.headers["content-type"] == "text/csv"
    assert "content-length" not in answer.headers


def test_a_refusal_is_json_as_ever(files: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.MISSING", ["yes"])
    answer = asyncio.run(files.call("GET", "/file"))
    assert (answer.status, answer.code, answer.headers["content-type"]) == (404, "NOT_FOUND", "application/json")


def test_the_document_says_what_is_sent() -> None:
    document = openapi(OPERATIONS, title="tested", version="1")
    responses = document["paths"]["/file"]["get"]["responses"]
    assert responses["200"]["content"] == {"text/csv": {"schema": {"type": "string"}}}
    assert responses["404"] == {"$ref": "#/components/responses/404.NOT_FOUND"}
