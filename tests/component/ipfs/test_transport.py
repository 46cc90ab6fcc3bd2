"""What a status means, and what a provider is sent: against a server on a socket that answers as told."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from audifi.clients.ipfs.errors import IpfsError, NeverAccepted, ProviderAway, ProviderBusy, ProviderRefused
from audifi.clients.ipfs.transport import ANSWER_BYTES_MAX, Account, Transport

pytestmark = pytest.mark.asyncio
KEY = {"Authorization": "Bearer secret"}


class Server:
    """Answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] = {}
        self.asked: list[web.Request] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        return web.Response(**self.answer)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = site.name.replace("://0.0.0.0", "://127.0.0.1")
    yield made
    await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (400, NeverAccepted),
        (401, ProviderRefused),
        (402, ProviderRefused),
        (403, ProviderRefused),
        (408, ProviderAway),
        (409, ProviderRefused),
        (413, NeverAccepted),
        (429, ProviderBusy),
        (500, ProviderAway),
        (503, ProviderAway),
        (507, ProviderRefused),
    ],
)
async def test_every_status_has_one_meaning(server: Server, status: int, meaning: type[IpfsError]) -> None:
    server.answer = {"status": status, "text": "secret words of theirs"}
    async with Transport(Account(provider="them", headers=KEY)) as transport:
        with pytest.raises(IpfsError) as caught:
            await transport.call("POST", f"{server.url}/v3/files", has_effect=True)
    assert type(caught.value) is meaning
    assert "secret" not in str(caught.value)
    assert caught.value.may_have_taken_effect == (meaning is ProviderAway)


async def test_retry_after_is_kept_within_reason(server: Server) -> None:
    async with Transport(Account(provider="them")) as transport:
        for told, kept in (("7", 7), ("999999", 300), ("soon", 5)):
            server.answer = {"status": 429, "headers": {"Retry-After": told}}
            with pytest.raises(ProviderBusy) as caught:
                await transport.call("GET", server.url)
            assert caught.value.retry_after_s == kept
        assert not transport.breaker.is_open, "to be busy is no ill health"


async def test_a_token_follows_no_redirect_and_nothing_is_asked_for_compressed(server: Server) -> None:
    server.answer = {"status": 302, "headers": {"Location": f"{server.url}/elsewhere"}}
    async with Transport(Account(provider="them", headers=KEY)) as transport:
        with pytest.raises(ProviderRefused):
            await transport.call("GET", f"{server.url}/here")
    assert [request.path for request in server.asked] == ["/here"]
    assert server.asked[0].headers["Accept-Encoding"] == "identity"


async def test_an_answer_without_end_is_cut_off(server: Server) -> None:
    server.answer = {"body": bytes(ANSWER_BYTES_MAX + 1)}
    async with Transport(Account(provider="them")) as transport:
        with pytest.raises(ProviderAway, match="more than"):
            await transport.call("GET", server.url)
