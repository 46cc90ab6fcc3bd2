"""Asking another service: in turn, past an address that is gone, with our token; refusals stay what they are."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.component.kernel.test_server import free_port

from audifi.kernel import context
from audifi.kernel.context import Context
from audifi.kernel.crypto import new_token
from audifi.kernel.encoding import base64url
from audifi.kernel.internal import InternalTokens
from audifi.kernel.peers import Peers
from audifi.wire.problems import MasterNotFound, SoldOut, Unavailable, UpstreamTimedOut

pytestmark = pytest.mark.asyncio


class Said(msgspec.Struct):
    """What the peer answers."""

    pod: str


def tokens(service: str, key: Ed25519PrivateKey, *callers: tuple[str, Ed25519PrivateKey]) -> InternalTokens:
    jwk = {"kid": f"internal-{service}", "d": base64url(key.private_bytes_raw())}
    known = [
        {
            "kid": f"internal-{name}",
            "kty": "OKP",
            "crv": "Ed25519",
            "x": base64url(each.public_key().public_bytes_raw()),
        }
        for name, each in callers
    ]
    return InternalTokens(
        service=service, signing_key_jwk=json.dumps(jwk), caller_keys_jwks=json.dumps({"keys": known})
    )


@dataclass
class Pod:
    """One pod of the peer."""

    name: str
    internal: InternalTokens
    asked: list[str] = field(default_factory=list[str])
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(self.internal.verify(request.headers["X-Internal-Token"]))
        match request.match_info["what"]:
            case "fine":
                return web.json_response({"data": {"pod": self.name}})
            case "nothing":
                return web.Response(status=204)
            case "sold-out":
                error: dict[str, Any] = {"code": "SOLD_OUT", "message": "None left.", "details": {"left": 0}}
                return web.json_response({"error": error, "requestId": "r"}, status=409)
            case "missing":
                return web.json_response({"error": {"code": "MASTER_NOT_FOUND", "message": "None."}}, status=404)
            case "stranger":
                return web.json_response({"error": {"code": "UNAUTHORIZED", "message": "Who?"}}, status=401)
            case "garbage":
                return web.Response(text="<html>", status=502)
            case other:
                raise AssertionError(other)


@dataclass
class World:
    """Two pods, an address nobody listens on, and us."""

    peers: Peers
    pods: tuple[Pod, Pod]


@pytest_asyncio.fixture
async def world() -> AsyncGenerator[World]:
    """Everything, on real sockets."""
    ours, theirs = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    pods = tuple(Pod(name, tokens("nft-service", theirs, ("payment-service", ours))) for name in ("one", "two"))
    runners: list[web.AppRunner] = []
    for pod in pods:
        app = web.Application()
        app.router.add_route("*", "/internal/v1/{what}", pod.answer)
        runners.append(web.AppRunner(app))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        pod.url = "http://127.0.0.1:{1}".format(*runners[-1].addresses[0])
    addresses = [pods[0].url, f"http://127.0.0.1:{free_port()}", pods[1].url]
    peers = Peers({"nft-service": addresses}, tokens("payment-service", ours))
    yield World(peers, (pods[0], pods[1]))
    await peers.close()
    for runner in runners:
        await runner.cleanup()


async def test_asks_go_round_and_past_an_address_that_is_gone(world: World) -> None:
    answers = [(await world.peers.get("nft-service", "/internal/v1/fine", Said)).pod for _ in range(30)]
    assert set(answers) == {"one", "two"}
    assert {caller for pod in world.pods for caller in pod.asked} == {"payment-service"}


async def test_a_refusal_comes_through_as_itself(world: World) -> None:
    with pytest.raises(SoldOut) as refused:
        await world.peers.post("nft-service", "/internal/v1/sold-out", Said(new_token()), Said)
    assert refused.value.message == "None left."
    assert refused.value.details == {"left": 0}
    with pytest.raises(MasterNotFound):
        await world.peers.get("nft-service", "/internal/v1/missing", Said)


async def test_a_refused_token_is_our_fault_and_not_the_users(world: World) -> None:
    with pytest.raises(Unavailable, match="401"):
        await world.peers.get("nft-service", "/internal/v1/stranger", Said)


async def test_what_is_no_answer_is_an_outage(world: World) -> None:
    with pytest.raises(Unavailable) as broken:
        await world.peers.post("nft-service", "/internal/v1/garbage", None, Said)
    assert broken.value.may_have_taken_effect


async def test_nothing_is_an_answer(world: World) -> None:
    assert await world.peers.post("nft-service", "/internal/v1/nothing", None, type(None)) is None


async def test_nobody_there_is_an_outage_without_effect() -> None:
    gone = Peers({"coin-service": [f"http://127.0.0.1:{free_port()}"]}, tokens("a", Ed25519PrivateKey.generate()))
    try:
        with pytest.raises(Unavailable, match="coin-service does not answer") as away:
            await gone.post("coin-service", "/internal/v1/fine", None, Said)
        assert not away.value.may_have_taken_effect
    finally:
        await gone.close()


async def test_the_callers_deadline_is_ours(world: World) -> None:
    token = context.enter(Context(request_id="req_deadline", deadline=asyncio.get_running_loop().time() - 0.1))
    try:
        with pytest.raises(UpstreamTimedOut):
            await world.peers.get("nft-service", "/internal/v1/fine", Said)
    finally:
        context.leave(token)
