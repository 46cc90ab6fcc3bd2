"""A streamed body reaches the handler piece by piece, bounded, and is never kept."""

import asyncio
import gc
import tracemalloc
from typing import Any

import pytest

from audifi.kernel.http import Access, Operation, Streamed, openapi

from .conftest import OPERATIONS, Answer, Client, Echo, take

FORM = "multipart/form-data; boundary=x"
PIECE = bytes(64 * 1024)


def send(client: Client, pieces: list[bytes], *, method: str = "POST", **headers: str) -> Answer:
    given = {"content-type": FORM, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return asyncio.run(client.call(method, "/stream", body=pieces, headers=given))


def test_the_handler_sees_every_piece(client: Client) -> None:
    answer = send(client, [b"a" * 40, b"", b"b" * 60])
    assert (answer.status, answer.json["data"]["count"]) == (200, 100)


def test_a_handler_may_stop_early(client: Client) -> None:
    assert send(client, [b"enough", b"b" * 1000]).json["data"]["count"] == 6


@pytest.mark.parametrize("announced", ["101", None])
def test_what_is_too_large_is_refused_announced_or_not(client: Client, announced: str | None) -> None:
    head = {"content_length": announced} if announced else {}
    answer = send(client, [b"a" * 60, b"b" * 41], **head)
    assert (answer.status, answer.code) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("other", ["application/json", "", "multipart/mixed; boundary=x"])
def test_another_media_type_is_refused(client: Client, other: str) -> None:
    assert send(client, [b"{}"], content_type=other).status == 415


def test_a_client_that_leaves_is_not_answered(client: Client) -> None:
    answer = Answer()

    async def cut() -> None:
        messages = [{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}]

        async def receive() -> dict[str, Any]:
            return messages.pop(0)

        async def sent(message: dict[str, Any]) -> None:
            answer.status = message.get("status", answer.status)

        head = [(b"content-type", FORM.encode())]
        scope = {"type": "http", "method": "POST", "path": "/stream", "query_string": b"", "headers": head}
        await client.application(scope, receive, sent)

    asyncio.run(cut())
    assert answer.status == 0


def test_a_hundred_megabytes_pass_in_the_memory_of_a_few_pieces(client: Client) -> None:
    gc.collect()
    tracemalloc.start()
    try:
        answer = send(client, [PIECE] * 1600, method="PUT")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.json["data"]["count"] == 1600 * len(PIECE)
    assert peak < 2 * 1024 * 1024


def test_the_document_names_the_files(client: Client) -> None:
    body = openapi(OPERATIONS, title="t", version="1")["paths"]["/stream"]["post"]["requestBody"]
    assert list(body["content"]["multipart/form-data"]["schema"]["properties"]) == ["song"]


def test_a_streamed_row_has_no_decoded_body_and_no_key() -> None:
    with pytest.raises(AssertionError, match="streamed"):
        Operation(
            method="POST", path="/s", handler=take, summary="s", tag="t", access=Access.GUEST, reply=Echo,
            streamed=Streamed("multipart/form-data", ()), idempotent=True,
        )  # fmt: skip
