"""Every knob does what it says, seen from a client's side of the socket."""

import asyncio
import itertools
from typing import Any

import aiohttp
import pytest
from tests.component.standins.rpc.driver import Provider, request

from audifi.local import knobs
from audifi.local.waiting import NotReady, wait_for

pytestmark = pytest.mark.asyncio
GONE = (aiohttp.ClientConnectionError, ConnectionError, aiohttp.ClientPayloadError)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_latency_is_added_to_every_answer(alchemy: Provider) -> None:
    await alchemy.turn(latency_ms=150, jitter_ms=50)
    begun = now()
    assert await alchemy.result("eth_chainId") == "0x1"
    assert 0.15 <= now() - begun < 2
    assert (await alchemy.counted()).total(fault="latency_ms") == 1


async def test_a_hanging_provider_accepts_and_never_answers(alchemy: Provider) -> None:
    await alchemy.turn(hang=True)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(alchemy.call("eth_chainId"), 0.5)
    found = await alchemy.counted()  # the client went away: the request has ended
    assert [(row.fault, row.status) for row in found.calls] == [("hang", 0)]


async def test_a_dropped_request_never_reaches_the_chain(alchemy: Provider) -> None:
    raw = await alchemy.signed()
    await alchemy.turn(drop=True)
    with pytest.raises(GONE):
        await alchemy.call("eth_sendRawTransaction", raw)
    await knobs.clear_faults(alchemy.control)
    tx = await alchemy.result("eth_sendRawTransaction", raw)  # not "already known"
    await alchemy.mined(tx)


async def test_a_lost_acknowledgement_leaves_the_transaction_on_the_chain(alchemy: Provider) -> None:
    before = await alchemy.node("eth_getTransactionCount", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "pending")
    await alchemy.turn(drop_after=True, methods=["eth_sendRawTransaction"])
    with pytest.raises(GONE):
        await alchemy.call("eth_sendRawTransaction", await alchemy.signed())
    after = await alchemy.node("eth_getTransactionCount", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "pending")
    assert int(after, 16) == int(before, 16) + 1
    assert (await alchemy.counted()).total(fault="drop_after") == 1


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_errors_come_with_the_wanted_status(status: int, alchemy: Provider) -> None:
    await alchemy.turn(error_rate=1.0, error_status=status)
    answer = await alchemy.call("eth_chainId")
    assert (answer.status, answer.headers["content-type"]) == (status, "text/html")


async def test_an_internal_error_can_hide_in_a_success(alchemy: Provider) -> None:
    await alchemy.turn(error_rate=1.0, error_status=200)
    answer = await alchemy.call("eth_chainId")
    assert (answer.status, answer.error["code"]) == (200, -32603)


async def test_the_same_seed_meets_the_same_faults(alchemy: Provider) -> None:
    async def statuses() -> list[int]:
        await alchemy.turn(error_rate=0.3, seed=7)
        return [(await alchemy.call("eth_chainId")).status for _ in range(60)]

    first, second = await statuses(), await statuses()
    assert first == second
    assert 5 <= first.count(503) <= 35


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("http", 429, 429), ("http-retry-after", 429, 429), ("json", 200, 429), ("json-backoff", 200, -32005)],
)
async def test_a_rate_limit_in_each_of_its_forms(
    kind: str, status: int, code: int, alchemy: Provider, infura: Provider
) -> None:
    for provider, words in ((alchemy, "compute units per second"), (infura, "")):
        await provider.turn(rate_limit=kind, retry_after_s=7)
        answer = await provider.ask(request("eth_chainId", number=5))
        assert (answer.status, answer.error["code"], answer.json["id"]) == (status, code, 5)
        assert words in answer.error["message"]
        assert answer.headers.get("retry-after") == ("7" if kind == "http-retry-after" else None)
        if kind == "json-backoff":
            assert answer.error["data"]["rate"]["backoff_seconds"] == 7
        assert (await provider.counted()).total(fault="rate_limit") == 1


async def test_infura_says_which_limit_by_its_event(infura: Provider) -> None:
    await infura.turn(rate_limit="http")
    assert (await infura.call("eth_chainId")).error["event"] == -33200


async def test_only_calls_above_the_rate_are_limited(alchemy: Provider) -> None:
    await alchemy.turn(max_rps=10, rate_limit="json")
    answers = await asyncio.gather(*(alchemy.call("eth_chainId") for _ in range(40)))
    assert 10 <= sum("result" in answer.json for answer in answers) <= 20
    assert {answer.status for answer in answers} == {200}


async def test_a_spent_quota_in_the_words_of_each(alchemy: Provider, infura: Provider) -> None:
    seen: list[tuple[int, int]] = []
    for provider in (alchemy, infura):
        for kind in ("http", "json"):
            await provider.turn(quota=kind)
            answer = await provider.call("eth_chainId")
            seen.append((answer.status, answer.error["code"]))
    assert seen == [(403, -32600), (200, -32000), (402, 402), (200, -32005)]


async def test_another_chain_id_is_claimed(alchemy: Provider) -> None:
    await alchemy.turn(wrong_chain_id=5)
    assert await alchemy.result("eth_chainId") == "0x5"
    assert await alchemy.result("net_version") == "5"
    assert await alchemy.height() >= 0


async def test_garbage_of_every_kind(alchemy: Provider) -> None:
    await alchemy.turn(garbage="html")
    answer = await alchemy.call("eth_chainId")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html")
    await alchemy.turn(garbage="truncated")
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        _ = (await alchemy.call("eth_chainId")).json
    await alchemy.turn(garbage="cut-body")
    with pytest.raises(GONE):
        await alchemy.call("eth_chainId")
    await alchemy.turn(garbage="wrong-id")
    assert (await alchemy.ask(request("eth_chainId", number=8))).json["id"] == 9
    await alchemy.turn(garbage="empty")
    assert (await alchemy.call("eth_chainId")).body == b""
    assert (await alchemy.counted()).total(fault="garbage") == 5


async def test_refused_methods_fail_alone_in_a_batch(infura: Provider) -> None:
    await infura.turn(refuse_methods=["eth_getLogs"])
    answer = await infura.ask([request("eth_getLogs", {}, number=1), request("eth_chainId", number=2)])
    refused, good = answer.json
    assert refused["error"] == {"code": -32601, "message": "The method eth_getLogs does not exist/is not available"}
    assert good["result"] == "0x1"
    found = await infura.counted()
    assert (found.total(fault="refuse_methods"), found.total(fault="")) == (1, 1)


async def test_faults_may_meet_some_methods_only(alchemy: Provider) -> None:
    await alchemy.turn(error_rate=1.0, methods=["eth_call"])
    assert await alchemy.result("eth_chainId") == "0x1"
    assert (await alchemy.call("eth_call", {}, "latest")).status == 503


async def test_faults_may_meet_one_chain_only(alchemy: Provider) -> None:
    for name in ("polygon", 137):
        await alchemy.turn(chain=name, quota="http")
        assert (await alchemy.call("eth_chainId", chain="polygon")).status == 403
        assert (await alchemy.call("eth_chainId")).status == 200
        await knobs.clear_faults(alchemy.control, chain=name)
        assert (await alchemy.call("eth_chainId", chain="polygon")).status == 200


async def test_a_share_of_requests_is_spared(alchemy: Provider) -> None:
    await alchemy.turn(rate_limit="http", share=0.5, seed=3)
    statuses = [(await alchemy.call("eth_chainId")).status for _ in range(60)]
    assert 15 <= statuses.count(429) <= 45
    assert statuses.count(429) + statuses.count(200) == 60


async def test_a_provider_that_refuses_connections_is_like_a_killed_one(alchemy: Provider) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", alchemy.http)
    await alchemy.turn(refuse_connections=True)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", alchemy.http)
    await asyncio.wait_for(writer.wait_closed(), 5) if writer.is_closing() else writer.close()
    await knobs.clear_faults(alchemy.control)
    assert await alchemy.result("eth_chainId") == "0x1"


async def test_one_dead_chain_does_not_take_the_others_with_it(alchemy: Provider) -> None:
    await alchemy.turn(chain="base", refuse_connections=True)
    with pytest.raises(GONE):
        await alchemy.call("eth_chainId", chain="base")
    assert await alchemy.result("eth_chainId") == "0x1"


async def test_a_flapping_provider_dies_and_lives_in_turns(alchemy: Provider) -> None:
    await alchemy.turn(flap_ms=100)
    seen: list[bool] = []

    async def turned_twice() -> None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", alchemy.http)
            writer.close()
            seen.append(True)
        except ConnectionRefusedError:
            seen.append(False)
        turns = sum(one != other for one, other in itertools.pairwise(seen))
        if turns < 4:
            raise NotReady(f"{turns} turns in {len(seen)} looks")

    await wait_for(turned_twice, within_s=10, saying="it flaps", every_s=0.02)
    await knobs.clear_faults(alchemy.control)
    assert await alchemy.result("eth_chainId") == "0x1"


@pytest.mark.parametrize(
    ("faults", "why"),
    [
        ({"latency": 5}, "unknown field `latency`"),
        ({"latency_ms": "5"}, "Expected `int`"),
        ({"latency_ms": -1}, "latency_ms"),
        ({"error_rate": 2.0}, "between 0 and 1"),
        ({"error_status": 302}, "error_status"),
        ({"share": 0.0}, "share"),
        ({"rate_limit": "sometimes"}, "rate_limit"),
        ({"flap_ms": 3}, "flap_ms"),
        ({"flap_ms": 100, "refuse_connections": True}, "exclude each other"),
        ({"hang": True, "drop": True}, "exclude each other"),
        ({"lag_blocks": -1}, "not negative"),
    ],
)
async def test_a_wrong_knob_is_refused_and_changes_nothing(faults: dict[str, Any], why: str, alchemy: Provider) -> None:
    with pytest.raises(knobs.KnobRefused, match="400") as refusal:
        await alchemy.turn(**faults)
    assert why in str(refusal.value)
    assert await knobs.faults(alchemy.control) == await knobs.clear_faults(alchemy.control)


async def test_an_unknown_chain_is_named_with_those_there_are(alchemy: Provider) -> None:
    with pytest.raises(knobs.KnobRefused, match=r"404.*polygon \(137\)"):
        await alchemy.turn(chain="solana", latency_ms=1)


async def test_a_foreign_page_cannot_turn_knobs(alchemy: Provider) -> None:
    address = f"http://127.0.0.1:{alchemy.control}/faults"
    async with alchemy.session.delete(address, headers={"Host": "evil.example:80"}) as response:
        assert response.status == 421
