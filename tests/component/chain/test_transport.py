"""Over real sockets: what breaks comes back as a word, bounded in size, without the address it went to.

Between: clients.chain.pool.transport and a server that answers with the bytes it is told.
"""

import asyncio
import gzip
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from audifi.clients.chain.pool import transport
from audifi.clients.chain.pool.transport import HttpTransport, TooLarge, Unreachable
from audifi.kernel.settings import Secret
from audifi.local.ports import LOOPBACK

KEY = "a-very-secret-key"
SIZE = 200_000
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@asynccontextmanager
async def serving(*answers: bytes | None) -> AsyncGenerator[tuple[HttpTransport, list[bytes]]]:
    """Answer one request per entry, over as few connections as the client likes; None closes without an answer."""
    heard: list[bytes] = []
    waiting = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while waiting:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                heard.append(head + await reader.readexactly(length))
                answer = waiting.pop(0)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    client = HttpTransport(Secret(f"http://{LOOPBACK}:{port}/v2/{KEY}"))
    try:
        yield client, heard
    finally:
        await client.close()
        server.close()
        await server.wait_closed()


def answer(body: bytes, *, status: bytes = b"200 OK", extra: bytes = b"") -> bytes:
    return b"HTTP/1.1 " + status + b"\r\nContent-Length: %d\r\n" % len(body) + extra + b"\r\n" + body


TOO_MUCH = [
    OK + b"Content-Length: %d\r\n\r\n" % SIZE,
    OK + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % SIZE + b"x" * SIZE + b"\r\n0\r\n\r\n",
    answer(gzip.compress(b"x" * SIZE), extra=b"Content-Encoding: gzip\r\n"),
]
BROKEN = [
    None,
    b"nonsense\r\n\r\n",
    OK + b"Content-Length: 100\r\n\r\nshort",
    OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
]


@pytest.mark.asyncio
async def test_connections_are_kept_and_counted() -> None:
    async with serving(answer(b"1"), answer(b"2")) as (client, heard):
        assert [(await client.post(b"{}")).body for _ in range(2)] == [b"1", b"2"]
        assert client.connections == 1
        assert heard[0].startswith(b"POST /v2/" + KEY.encode())


@pytest.mark.asyncio
async def test_a_limit_says_when_to_come_back() -> None:
    async with serving(answer(b"", status=b"429 Too Many Requests", extra=b"Retry-After: 7\r\n")) as (client, _):
        told = await client.post(b"{}")
        assert (told.status, told.retry_after) == (429, "7")


@pytest.mark.asyncio
async def test_a_redirect_is_not_followed_with_the_key() -> None:
    elsewhere = answer(b"", status=b"302 Found", extra=b"Location: http://127.0.0.2:1/\r\n")
    async with serving(elsewhere) as (client, heard):
        assert (await client.post(b"{}")).status == 302
        assert len(heard) == 1


@pytest.mark.asyncio
async def test_a_compressed_answer_is_read() -> None:
    body = gzip.compress(b'{"result":1}')
    async with serving(answer(body, extra=b"Content-Encoding: gzip\r\n")) as (client, heard):
        assert (await client.post(b"{}", is_heavy=True)).body == b'{"result":1}'
        assert b"accept-encoding: gzip" in heard[0].lower()


@pytest.mark.asyncio
@pytest.mark.parametrize("too_much", TOO_MUCH, ids=["declared", "chunked", "compressed"])
async def test_an_answer_without_end_is_not_read(too_much: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "ANSWER_BYTES_MAX", SIZE // 2)
    async with serving(too_much) as (client, _):
        with pytest.raises(TooLarge):
            await client.post(b"{}")


@pytest.mark.asyncio
@pytest.mark.parametrize("broken", BROKEN, ids=["closed", "no HTTP", "cut short", "bad chunk"])
async def test_a_broken_answer_may_have_been_asked(broken: bytes | None) -> None:
    async with serving(broken) as (client, _):
        with pytest.raises(Unreachable) as told:
            await client.post(b"{}")
        assert told.value.was_sent
        assert KEY not in repr(told.value)
        assert told.value.__cause__ is None


@pytest.mark.asyncio
async def test_a_refused_connection_was_not_asked() -> None:
    async with serving() as (client, _):
        pass
    with pytest.raises(Unreachable) as told:
        await client.post(b"{}")
    assert not told.value.was_sent
    assert "ECONNREFUSED" in str(told.value)
    await client.close()


@pytest.mark.asyncio
async def test_a_cancelled_request_leaves_a_client_that_works() -> None:
    async with serving(answer(b"1"), answer(b"2"), answer(b"3")) as (client, _):
        await client.post(b"{}")
        second = asyncio.create_task(client.post(b"{}"))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        assert (await client.post(b"{}")).status == 200
