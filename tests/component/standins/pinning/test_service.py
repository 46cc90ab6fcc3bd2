"""Show that the pinning service fetches what it is asked for, tells honestly how far it is, and holds it.

Between: the stand-in as `audifi up` starts it, Pinata's stand-in as the rest of the network, and plain HTTP.
Source: github.com/ipfs/pinning-services-api-spec v1.0.0.
"""

import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.component.standins.pinning.driver import Pinning, alone, archive, kill

from audifi.local.held import Held
from audifi.local.waiting import NotReady, wait_for

pytestmark = pytest.mark.asyncio
MIB = 1024 * 1024


async def _uploaded(pinata: Pinning, content: bytes) -> str:
    root, packed = archive(content)
    assert (await pinata.upload(packed, "a.car", car="true")).status == 200
    return str(root)


async def test_it_fetches_from_the_network_and_serves(pinata: Pinning, service: Pinning) -> None:
    content = secrets.token_bytes(3 * MIB)
    cid = await _uploaded(pinata, content)
    asked = await service.pin(cid, name="song", meta={"share": "7"})
    assert asked["status"] in {"queued", "pinning", "pinned"}
    seen = await service.becomes(asked["requestid"], "pinned")
    assert seen["pin"] == {"cid": cid, "name": "song", "meta": {"share": "7"}}
    assert seen["delegates"]
    assert (await service.get(f"/ipfs/{cid}")).body == content
    again = await service.pin(cid)
    assert (again["status"], again["requestid"] != asked["requestid"]) == ("pinned", True)


async def test_pinata_speaks_the_same_api(pinata: Pinning) -> None:
    cid = await _uploaded(pinata, secrets.token_bytes(100))
    added = await pinata.send("POST", "/psa/pins", json={"cid": cid, "name": "by the common API"})
    assert (added.status, added.json["status"]) == (202, "pinned")
    listed = (await pinata.get(f"/psa/pins?cid={cid}")).json
    assert [each["requestid"] for each in listed["results"]] == [added.json["requestid"]]
    assert (await pinata.get("/psa/pins", token="wrong")).status == 401


async def test_unknown_content_waits_until_somebody_has_it(pinata: Pinning, service: Pinning) -> None:
    root, packed = archive(secrets.token_bytes(1000))
    asked = await service.pin(str(root))

    async def looked() -> None:
        seen = (await service.get(f"/pins/{asked['requestid']}")).json
        if "nobody" not in seen.get("info", {}).get("status_details", ""):
            raise NotReady(str(seen))

    await wait_for(looked, within_s=5, saying="it looked and found nobody")
    assert (await service.get(f"/ipfs/{root}")).status == 404
    await pinata.upload(packed, "a.car", car="true")
    await service.becomes(asked["requestid"], "pinned")


async def test_what_is_queued_and_held_survives_a_kill(pinata: Pinning, service: Pinning, outside: Held) -> None:
    held, queued = [await _uploaded(pinata, secrets.token_bytes(2 * MIB)) for _ in range(2)]
    first = await service.pin(held)
    await service.becomes(first["requestid"], "pinned")
    await service.faults(stuck_queue=True)
    second = await service.pin(queued)
    await kill(outside, "pinning-service-1")
    assert (await service.get(f"/ipfs/{held}?format=raw")).status == 200
    await service.becomes(second["requestid"], "pinned")
    assert (await service.get(f"/pins/{first['requestid']}")).json["status"] == "pinned"


async def test_filters(pinata: Pinning, service: Pinning) -> None:
    mark = secrets.token_hex(4)
    made: list[Any] = []
    for number in range(4):
        cid = await _uploaded(pinata, f"{mark} {number}".encode())
        pin = await service.pin(cid, name=f"{mark}-Name{number}", meta={"mark": mark, "odd": str(number % 2)})
        made.append(await service.becomes(pin["requestid"], "pinned"))

    async def listed(query: str) -> list[int]:
        found = (await service.get(f"/pins?{query}")).json
        assert found["count"] >= len(found["results"])
        return [[each["requestid"] for each in made].index(each["requestid"]) for each in found["results"]]

    assert await listed(f"name={mark}-Name1") == [1]
    assert await listed(f"name={mark}-NAME1&match=exact") == []
    assert await listed(f"name={mark}-NAME1&match=iexact") == [1]
    assert await listed(f"name={mark}-N&match=partial&limit=2") == [3, 2]
    assert await listed(f"name={mark}-n&match=ipartial&before={made[2]['created']}") == [1, 0]
    assert await listed(f"name={mark}&match=partial&after={made[2]['created']}") == [3]
    assert await listed(f"cid={made[0]['pin']['cid']},{made[3]['pin']['cid']}") == [3, 0]
    meta = json.dumps({"mark": mark, "odd": "1"})
    async with service.session.get(
        f"{service.url}/pins", params={"meta": meta}, headers={"Authorization": f"Bearer {service.token}"}
    ) as answer:
        assert (await answer.json())["count"] == 2
    assert await listed(f"name={mark}&match=partial&status=queued,failed") == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "status=lost", "match=like", "before=yesterday", "cid=nonsense", "meta=[1]"]
)
async def test_wrong_filters_are_refused(service: Pinning, query: str) -> None:
    answer = await service.get(f"/pins?{query}")
    assert (answer.status, answer.json["error"]["reason"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "told", [{}, {"cid": 1}, {"cid": "Qm"}, {"cid": "bafk"}, {"name": "x"}, {"cid": "!", "meta": {}}, []]
)
async def test_wrong_pins_are_refused(service: Pinning, told: object) -> None:
    answer = await service.send("POST", "/pins", json=told)
    assert (answer.status, answer.json["error"]["reason"]) == (400, "BAD_REQUEST")


async def test_replacing_keeps_what_both_need(pinata: Pinning, service: Pinning) -> None:
    shared = secrets.token_bytes(MIB)
    cids = [await _uploaded(pinata, shared + tail) for tail in (b"old", b"new")]
    pin = await service.pin(cids[0])
    await service.becomes(pin["requestid"], "pinned")
    replaced = await service.send("POST", f"/pins/{pin['requestid']}", json={"cid": cids[1]})
    assert replaced.status == 202
    new = await service.becomes(replaced.json["requestid"], "pinned")
    assert (await service.get(f"/pins/{pin['requestid']}")).status == 404
    assert (await service.get(f"/ipfs/{cids[0]}")).status == 404
    assert (await service.get(f"/ipfs/{cids[1]}")).body == shared + b"new"
    assert (await service.send("DELETE", f"/pins/{new['requestid']}")).status == 202
    assert (await service.get(f"/ipfs/{cids[1]}")).status == 404


@pytest_asyncio.fixture
async def impatient(outside: Held, tmp_path: Path) -> AsyncIterator[Pinning]:
    """A pinning service with no peers that gives up after a second."""
    async with alone(outside, tmp_path, "pinning_service", "--give-up-s", "1") as provider:
        yield provider


async def test_it_gives_up_and_fetches_from_origins(pinata: Pinning, impatient: Pinning) -> None:
    cid = await _uploaded(pinata, secrets.token_bytes(100))
    alone = await impatient.pin(cid)
    seen = await impatient.becomes(alone["requestid"], "failed")
    assert "nobody" in seen["info"]["status_details"]
    outside_of_here = await impatient.pin(cid, origins=["/ip4/192.0.2.1/tcp/4001/p2p/12D3KooW", "http://192.0.2.1"])
    await impatient.becomes(outside_of_here["requestid"], "failed")
    origin = f"/ip4/127.0.0.1/tcp/{pinata.control}/http"
    told = await impatient.pin(cid, origins=[origin])
    await impatient.becomes(told["requestid"], "pinned")
