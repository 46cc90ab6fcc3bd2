"""Without faults a stand-in is the provider: its paths, its keys, its manners, and the node's answers."""

import asyncio
import gzip
import json
from typing import Any

import aiohttp
import pytest
from tests.component.standins.rpc.driver import CHAIN_IDS, SENDER, Provider, request

from audifi.local import knobs
from audifi.local.waiting import NotReady, wait_for

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("chain", sorted(CHAIN_IDS))
async def test_each_network_is_its_own_chain_at_both_providers(chain: str, alchemy: Provider, infura: Provider) -> None:
    for provider in (alchemy, infura):
        assert await provider.result("eth_chainId", chain=chain) == hex(CHAIN_IDS[chain])


async def test_what_one_provider_is_sent_the_other_shows(alchemy: Provider, infura: Provider) -> None:
    tx = await alchemy.result("eth_sendRawTransaction", await alchemy.signed())
    await alchemy.mined(tx)
    assert await infura.result("eth_getTransactionReceipt", tx) == await alchemy.result("eth_getTransactionReceipt", tx)


@pytest.mark.parametrize("number", [7, "seven", None, 2**53 - 1])
async def test_an_id_comes_back_as_it_went(number: Any, alchemy: Provider) -> None:
    answer = await alchemy.ask(request("eth_chainId", number=number))
    assert answer.json == {"jsonrpc": "2.0", "id": number, "result": "0x1"}


async def test_a_batch_is_answered_call_by_call(alchemy: Provider) -> None:
    answer = await alchemy.ask([request("eth_chainId", number="a"), request("eth_nonsense", number="b")])
    found = {each["id"]: each for each in answer.json}
    assert found["a"]["result"] == "0x1"
    assert "error" in found["b"]


async def test_a_wrong_key_is_refused_in_the_words_of_each(alchemy: Provider, infura: Provider) -> None:
    body = request("eth_chainId", number=3)
    answer = await alchemy.ask(body, key="wrong")
    error = {"code": -32600, "message": "Must be authenticated!"}
    assert (answer.status, answer.json) == (401, {"jsonrpc": "2.0", "id": 3, "error": error})
    answer = await infura.ask(body, key="wrong")
    assert (answer.status, answer.body) == (401, b"invalid project id\n")
    assert "invalid project id" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1"])
async def test_what_is_no_json_rpc_is_refused(body: bytes, alchemy: Provider) -> None:
    answer = await alchemy.ask(body)
    assert (answer.status, answer.error["code"]) == (400, -32700)


async def test_a_node_owners_methods_are_nobodys(alchemy: Provider) -> None:
    """A client that used them here would fail at the real provider."""
    for method in ("anvil_setBalance", "evm_mine", "eth_sendTransaction", "personal_sign"):
        assert (await alchemy.call(method)).error["code"] == -32601
    assert (await alchemy.counted()).total(fault="unsupported") == 4
    assert await alchemy.result("eth_accounts") == []


async def test_an_unknown_network_is_nowhere(alchemy: Provider) -> None:
    address = alchemy.url().replace("eth-mainnet", "doge-mainnet")
    async with alchemy.session.post(address, json=request("eth_chainId")) as response:
        assert response.status == 404


async def test_long_answers_are_compressed_for_who_can_read_it(alchemy: Provider) -> None:
    body = [request("eth_getBlockByNumber", "latest", False, number=number) for number in range(5)]
    async with alchemy.session.post(alchemy.url(), json=body, headers={"Accept-Encoding": "gzip"}) as response:
        assert response.headers["content-encoding"] == "gzip"
        assert len(await response.json()) == 5
    reader, writer = await asyncio.open_connection("127.0.0.1", alchemy.http)
    writer.write(_raw(alchemy, json.dumps(body).encode(), b"accept-encoding: gzip\r\n"))
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    assert len(json.loads(gzip.decompress(await reader.readexactly(length)))) == 5
    writer.close()


async def test_one_connection_takes_many_requests_in_order(alchemy: Provider) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", alchemy.http)
    bodies = [json.dumps(request("eth_chainId", number=number)).encode() for number in range(10)]
    writer.write(b"".join(_raw(alchemy, body) for body in bodies))
    for number in range(10):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        assert json.loads(await reader.readexactly(length))["id"] == number
    writer.close()


def _raw(provider: Provider, body: bytes, headers: bytes = b"") -> bytes:
    path = provider.url().partition(str(provider.http))[2].encode()
    return b"POST %s HTTP/1.1\r\nhost: x\r\n%scontent-length: %d\r\n\r\n%s" % (path, headers, len(body), body)


async def test_every_call_is_counted_once(alchemy: Provider) -> None:
    await asyncio.gather(*(alchemy.call("eth_chainId") for _ in range(200)))
    await alchemy.ask([request("eth_blockNumber"), request("eth_chainId"), request("eth_chainId")], chain="base")
    await alchemy.ask(request("eth_chainId"), key="wrong")
    found = await alchemy.counted()
    assert found.requests == {"ethereum": 201, "base": 1}
    assert found.total(chain="ethereum", method="eth_chainId", fault="") == 200
    assert found.total(chain="base", method="eth_chainId") == 2
    assert found.total(chain="base", method="eth_blockNumber") == 1
    assert [row.status for row in found.calls if row.fault == "unauthorized"] == [401]
    await knobs.clear_counts(alchemy.control)
    assert (await alchemy.counted()).requests == {}


async def test_reads_see_a_funded_account(alchemy: Provider) -> None:
    assert int(await alchemy.result("eth_getBalance", SENDER.address, "latest"), 16) > 10**21


async def test_a_websocket_is_refused_and_nothing_breaks(alchemy: Provider) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError, match="400"):
        await alchemy.session.ws_connect(alchemy.url().replace("http", "ws"))
    assert await alchemy.result("eth_chainId") == "0x1"


async def test_calls_whose_client_went_away_are_counted_too(alchemy: Provider) -> None:
    """As the losers of a hedge: cancelled while the provider works."""
    await alchemy.turn(latency_ms=60, jitter_ms=60)
    calls = [asyncio.create_task(alchemy.call("eth_chainId")) for _ in range(100)]
    await wait_for(lambda: _arrived(alchemy, 60), within_s=5, saying="most have arrived", every_s=0.01)
    for call in calls[::2]:
        call.cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    found = await alchemy.counted()
    assert found.requests == {"ethereum": found.total()}
    assert found.total() <= 100
    read = sum(row.count for row in found.calls if row.status == 200)
    assert read >= sum(not isinstance(answer, BaseException) for answer in answers)


async def _arrived(provider: Provider, calls: int) -> None:
    found = (await knobs.counts(provider.control)).requests.get("ethereum", 0)
    if found < calls:
        raise NotReady(f"{found} have")
