"""Turn every knob of the pinning stand-ins and see what a caller sees.

Between: the control ports and plain HTTP.
Source: domain.md 2.8; content/faults.py.
"""

import asyncio
import secrets
from typing import Any

import aiohttp
import pytest
from tests.component.standins.pinning.driver import Pinning, archive

from audifi.local import knobs
from audifi.local.waiting import NotReady, wait_for

pytestmark = pytest.mark.asyncio
MIB = 1024 * 1024


async def _cid(pinata: Pinning, content: bytes | None = None) -> str:
    return (await pinata.upload(content or secrets.token_bytes(200))).json["data"]["cid"]


async def _listed(pinata: Pinning, cid: str) -> int:
    return len((await pinata.get(f"/v3/files/public?cid={cid}")).json["data"]["files"])


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        ({"latency": 1}, "latency"),
        ({"drop_before": 2}, "drop_before lies between 0 and 1"),
        ({"lose_pin": "all"}, "lose_pin"),
        ({"lose_pin": ["nonsense"]}, "nonsense"),
        ({"wrong_bytes": 1.5}, "or lists CIDs"),
        ({"refuse": {"status": 200}}, "between 400 and 599"),
        ({"latency_ms": -1}, "not negative"),
        ({"only": ["v3"]}, "leading /"),
    ],
)
async def test_a_wrong_knob_is_told_what_is_wrong(pinata: Pinning, faults: dict[str, Any], says: str) -> None:
    with pytest.raises(knobs.KnobRefused, match=says):
        await pinata.faults(**faults)
    assert await knobs.faults(pinata.control) == await knobs.clear_faults(pinata.control)


async def test_refuse_with_any_status_and_body_on_some_paths(pinata: Pinning) -> None:
    cid = await _cid(pinata)
    refuse = {"status": 503, "body": '{"error": "maintenance"}', "headers": {"Retry-After": "7"}}
    await pinata.faults(refuse=refuse, only=["/v3/"])
    answer = await pinata.upload(b"x")
    assert (answer.status, answer.json, answer.headers["Retry-After"]) == (503, {"error": "maintenance"}, "7")
    assert (await pinata.get(f"/ipfs/{cid}")).status == 200
    assert (await pinata.counts())["faults.refuse"] == 1


async def test_latency_and_slow_bodies(pinata: Pinning) -> None:
    loop = asyncio.get_running_loop()
    cid = await _cid(pinata, secrets.token_bytes(100_000))
    for faults, least in (({"latency_ms": 300}, 0.3), ({"slow_bytes_per_s": 200_000}, 0.45)):
        await pinata.faults(**faults)
        before = loop.time()
        await pinata.get(f"/ipfs/{cid}")
        assert loop.time() - before >= least, faults


async def test_hang_answers_nothing_while_one_waits(pinata: Pinning) -> None:
    await pinata.faults(hang=True)
    with pytest.raises(TimeoutError):
        await pinata.get("/v3/files/public", timeout=aiohttp.ClientTimeout(total=0.5))
    await pinata.faults()
    assert (await pinata.get("/v3/files/public")).status == 200


async def test_drop_before_does_nothing_and_drop_after_all(pinata: Pinning) -> None:
    for knob, kept in (("drop_before", 0), ("drop_after", 1)):
        content = secrets.token_bytes(300)
        root, packed = archive(content)
        await pinata.faults(**{knob: 1})
        with pytest.raises((aiohttp.ClientError, ConnectionError)):
            await pinata.upload(packed, "a.car", car="true")
        await pinata.faults()
        assert await _listed(pinata, str(root)) == kept, knob


async def test_lost_pins_are_gone_from_list_and_gateway_until_uploaded_again(pinata: Pinning) -> None:
    content = secrets.token_bytes(2 * MIB)
    root, packed = archive(content)
    await pinata.upload(packed, "a.car", car="true")
    other = await _cid(pinata)
    await pinata.faults(lose_pin=[str(root)])
    assert (await _listed(pinata, str(root)), await _listed(pinata, other)) == (0, 1)
    assert (await pinata.get(f"/ipfs/{root}")).status == 404
    assert (await pinata.upload(packed, "a.car", car="true")).status == 200
    assert (await pinata.get(f"/ipfs/{root}")).body == content


async def test_lost_blocks_are_still_listed(pinata: Pinning) -> None:
    root, packed = archive(secrets.token_bytes(2 * MIB))
    await pinata.upload(packed, "a.car", car="true")
    await pinata.faults(lose_blocks=[str(root)])
    assert await _listed(pinata, str(root)) == 1
    assert (await pinata.get(f"/ipfs/{root}?format=raw")).status == 404
    again = await pinata.upload(packed, "a.car", car="true")
    assert again.json["data"]["is_duplicate"] is True
    assert (await pinata.get(f"/ipfs/{root}?format=raw")).status == 200


async def test_a_rate_loses_new_pins_that_were_acknowledged(pinata: Pinning, service: Pinning) -> None:
    old = await _cid(pinata)
    await pinata.faults(lose_pin=1)
    assert await _listed(pinata, await _cid(pinata)) == 0
    assert await _listed(pinata, old) == 1
    await pinata.faults()
    await service.faults(lose_pin=1)
    pin = await service.pin(old)

    async def forgotten() -> None:
        if (await service.get(f"/pins/{pin['requestid']}")).status != 404:
            raise NotReady("still known")

    await wait_for(forgotten, within_s=5, saying="the pin is forgotten")


async def test_what_is_uploaded_after_healing_is_not_lost_to_the_old_fault(pinata: Pinning) -> None:
    """Taught by a stand-in that lost 50 ms late: a repair right after the healing was lost with no fault in force."""
    kept = ""
    for _ in range(10):
        content = secrets.token_bytes(200)
        await pinata.faults(lose_pin=1)
        lost = await _cid(pinata, content)
        await pinata.faults()
        assert await _listed(pinata, lost) == 0
        kept = await _cid(pinata, content)
        assert (await pinata.get(f"/ipfs/{kept}")).body == content
    assert await _listed(pinata, kept) == 1


@pytest.mark.parametrize("form", ["", "?format=raw", "?format=car"])
async def test_wrong_bytes_of_a_cid_and_all_below(pinata: Pinning, form: str) -> None:
    content = secrets.token_bytes(2 * MIB)
    root, packed = archive(content)
    await pinata.upload(packed, "a.car", car="true")
    good = (await pinata.get(f"/ipfs/{root}{form}")).body
    await pinata.faults(wrong_bytes=[str(root)])
    bad = (await pinata.get(f"/ipfs/{root}{form}")).body
    assert len(bad) == len(good)
    assert bad != good
    await pinata.faults(wrong_bytes=1)
    assert (await pinata.get(f"/ipfs/{root}{form}")).body != good
    await pinata.faults()
    assert (await pinata.get(f"/ipfs/{root}{form}")).body == good


async def test_wrong_bytes_of_a_leaf_of_the_listed(pinata: Pinning) -> None:
    leaf = secrets.token_bytes(MIB)
    root, packed = archive(leaf + b"tail")
    await pinata.upload(packed, "a.car", car="true")
    await pinata.faults(wrong_bytes=[str(root)])
    cid = str(archive(leaf)[0])
    assert (await pinata.get(f"/ipfs/{cid}?format=raw")).body != leaf


async def test_wrong_cid_is_answered_while_the_right_one_is_kept(pinata: Pinning) -> None:
    root, packed = archive(secrets.token_bytes(300))
    await pinata.faults(wrong_cid=1)
    assert (await pinata.upload(packed, "a.car", car="true")).json["data"]["cid"] != str(root)
    await pinata.faults()
    assert await _listed(pinata, str(root)) == 1


async def test_a_full_plan_refuses_writes_as_each_provider_does(pinata: Pinning, service: Pinning) -> None:
    await pinata.faults(full=True)
    answer = await pinata.upload(b"more")
    assert (answer.status, answer.json["error"]["reason"]) == (403, "FORBIDDEN")
    assert (await pinata.get("/data/testAuthentication")).status == 200
    await service.faults(full=True)
    refused = await service.send("POST", "/pins", json={"cid": str(archive(b"x")[0])})
    assert (refused.status, refused.json["error"]["reason"]) == (409, "INSUFFICIENT_FUNDS")


async def test_the_rate_limit_tells_when(pinata: Pinning) -> None:
    await pinata.faults(rate_limit=3, retry_after_s=9)
    answers = [await pinata.get("/v3/files/public?limit=1") for _ in range(4)]
    assert [each.status for each in answers] == [200, 200, 200, 429]
    assert [each.headers["X-RateLimit-Remaining"] for each in answers] == ["2", "1", "0", "0"]
    assert answers[3].headers["Retry-After"] == "9"


async def test_a_stuck_queue_goes_on_when_freed(pinata: Pinning, service: Pinning) -> None:
    cid = await _cid(pinata)
    await service.faults(stuck_queue=True)
    pin = await service.pin(cid)
    assert (await service.becomes(pin["requestid"], "queued"))["status"] == "queued"
    assert (await service.get(f"/ipfs/{cid}")).status == 404
    await service.faults()
    await service.becomes(pin["requestid"], "pinned")


async def test_a_page_on_the_internet_cannot_call_us_by_its_own_name(pinata: Pinning) -> None:
    for port in (pinata.http, pinata.control):
        async with pinata.session.get(f"http://127.0.0.1:{port}/faults", headers={"Host": "evil.example"}) as answer:
            assert answer.status == 400
