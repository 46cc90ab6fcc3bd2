"""Public keys of another service: fetched, kept, renewed for a new kid, and not for everybody who invents one."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from audifi.kernel.jwks import FRESH_S, REFETCH_S, RemoteKeys, rsa_jwk
from audifi.wire.problems import Unavailable

pytestmark = pytest.mark.asyncio
PUBLIC = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
SHORT = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()  # noqa: S505  # to be refused


@dataclass
class Moved:
    """A clock that moves when it is told to."""

    seconds: float = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def now_s(self) -> float:
        return self.seconds

    def monotonic_s(self) -> float:
        return self.seconds


@dataclass
class Source:
    """auth-service's JWKS, as far as others see it."""

    url: str = ""
    kids: list[str] = field(default_factory=lambda: ["one"])
    status: int = 200
    fetched: int = 0

    async def show(self, _: web.Request) -> web.Response:
        self.fetched += 1
        keys = [rsa_jwk(kid, PUBLIC) for kid in self.kids]
        others = [rsa_jwk("short", SHORT), {"kty": "OKP", "kid": "ed"}, {**keys[0], "kid": "enc", "use": "enc"}]
        return web.json_response({"keys": [*keys, *others]}, status=self.status)


@pytest_asyncio.fixture
async def source() -> AsyncGenerator[Source]:
    """The source on a port of its own."""
    source, app = Source(), web.Application()
    app.router.add_get("/jwks", source.show)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    source.url = "http://127.0.0.1:{1}/jwks".format(*runner.addresses[0])
    yield source
    await runner.cleanup()


async def test_only_rsa_signing_keys_of_decent_length_are_taken(source: Source) -> None:
    found = await RemoteKeys(source.url, clock=Moved()).keys()
    assert set(found) == {"one"}
    assert found["one"].public_numbers() == PUBLIC.public_numbers()


async def test_a_set_is_fetched_once_and_again_when_it_is_old(source: Source) -> None:
    clock = Moved()
    keys = RemoteKeys(source.url, clock=clock)
    for _ in range(5):
        await keys.keys()
    assert source.fetched == 1
    clock.seconds += FRESH_S
    source.kids = ["two"]
    assert set(await keys.keys()) == {"two"}
    assert source.fetched == 2


async def test_a_rotated_key_is_found_at_once_and_invented_kids_fetch_seldom(source: Source) -> None:
    clock = Moved()
    keys = RemoteKeys(source.url, clock=clock)
    await keys.keys()
    clock.seconds += REFETCH_S
    source.kids = ["one", "two"]
    assert set(await keys.keys(refresh=True)) == {"one", "two"}
    for _ in range(20):
        await keys.keys(refresh=True)
    assert source.fetched == 2, "an unknown kid within REFETCH_S is no reason to ask again"


@pytest.mark.parametrize("status", [500, 404])
async def test_an_outage_of_the_source_signs_nobody_out(source: Source, status: int) -> None:
    clock = Moved()
    keys = RemoteKeys(source.url, clock=clock)
    await keys.keys()
    source.status = status
    for _ in range(3):
        clock.seconds += FRESH_S
        assert set(await keys.keys()) == {"one"}
    source.status, source.kids = 200, ["two"]
    clock.seconds += FRESH_S
    assert set(await keys.keys()) == {"two"}


async def test_without_any_key_it_says_so_and_asks_again_soon(source: Source) -> None:
    clock = Moved()
    keys = RemoteKeys(source.url, clock=clock)
    source.status = 503
    for _ in range(3):
        with pytest.raises(Unavailable, match="no public keys"):
            await keys.keys()
    assert source.fetched == 1
    source.status = 200
    clock.seconds += 1
    assert set(await keys.keys()) == {"one"}


async def test_a_source_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await RemoteKeys("http://127.0.0.1:1/jwks", clock=Moved()).keys()
