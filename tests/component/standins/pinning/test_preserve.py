"""Show that NFT.Storage's stand-in preserves what it can fetch, and that its classic half is gone.

Between: the stand-in as `audifi up` starts it, Pinata's stand-in as the network, and plain HTTP.
Source: app.nft.storage/v1/docs/client/http-api; outbound.md 4.1.
"""

import secrets
from typing import Any

import aiohttp
import pytest
from tests.component.standins.pinning.driver import Pinning, archive

from audifi.local.waiting import NotReady, wait_for

pytestmark = pytest.mark.asyncio
BASE = "/api/v1/collection"


async def _collection(preserve: Pinning) -> str:
    address = f"0x{secrets.token_hex(20)}"
    told = {"contractAddress": address, "collectionName": "Shares", "chainID": "1", "network": "Ethereum"}
    answer = await preserve.send("POST", f"{BASE}/create_collection", json=told)
    assert (answer.status, answer.json) == (200, "Collection Created")
    assert (await preserve.send("POST", f"{BASE}/create_collection", json=told)).status == 409
    listed = (await preserve.get(f"{BASE}/list_collections")).json
    return next(each["collectionID"] for each in listed if each["contractAddress"] == address)


async def _add(preserve: Pinning, collection: str, csv: str) -> Any:
    form = aiohttp.FormData({"collectionID": collection})
    form.add_field("file", csv.encode(), filename="tokens.csv", content_type="text/csv")
    return await preserve.send("POST", f"{BASE}/add_tokens", data=form)


async def test_tokens_are_preserved_once_their_content_was_fetched(pinata: Pinning, preserve: Pinning) -> None:
    known, packed = archive(secrets.token_bytes(500))
    unknown, _ = archive(secrets.token_bytes(500))
    await pinata.upload(packed, "a.car", car="true")
    collection = await _collection(preserve)
    answer = await _add(preserve, collection, f"tokenID,cid\n1,{known}\n2,{unknown}\n3,{known}\n")
    assert (answer.status, answer.json) == (200, "Tokens added")

    async def active() -> list[Any]:
        found = (await preserve.get(f"{BASE}/list_tokens?collectionID={collection}&lastKey=undefined")).json
        if [each["status"] for each in found if each["tokenID"] != "2"] != ["active", "active"]:
            raise NotReady(str(found))
        return found

    tokens = await wait_for(active, within_s=10, saying="both tokens are active")
    assert [(each["tokenID"], each["isDuplicate"]) for each in tokens] == [("1", False), ("2", False), ("3", True)]
    assert tokens[1]["status"] in {"queued", "processing"}
    page = (await preserve.get(f"{BASE}/list_tokens?collectionID={collection}&lastKey={tokens[1]['id']}")).json
    assert [each["tokenID"] for each in page] == ["3"]
    assert (await preserve.get(f"{BASE}/deal_status?cid={known}")).json["status"] == "active"
    assert (await preserve.get(f"/ipfs/{known}")).status == 404  # no hot retrieval: that is the product


@pytest.mark.parametrize("csv", ["", "tokenID\n1\n", "tokenID,cid\n1,nonsense\n", "tokenID,cid\n,bafk\n"])
async def test_a_wrong_csv_is_refused_whole(preserve: Pinning, csv: str) -> None:
    collection = await _collection(preserve)
    assert (await _add(preserve, collection, csv)).status == 400
    assert (await preserve.get(f"{BASE}/list_tokens?collectionID={collection}")).json == []


async def test_what_is_not_ours_is_refused(preserve: Pinning) -> None:
    assert (await _add(preserve, "nobody's", "tokenID,cid\n")).status == 404
    assert (await preserve.get(f"{BASE}/list_collections", token="wrong")).status == 401
    assert (await preserve.send("POST", f"{BASE}/create_collection", json={"network": "Ethereum"})).status == 400


async def test_a_full_account_takes_nothing(preserve: Pinning) -> None:
    collection = await _collection(preserve)
    await preserve.faults(full=True)
    assert (await _add(preserve, collection, "tokenID,cid\n")).status == 402


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/upload"), ("POST", "/store"), ("POST", "/pins"), ("GET", "/pins")]
)
async def test_the_classic_service_is_gone(preserve: Pinning, method: str, path: str) -> None:
    answer = await preserve.send(method, path, data=b"content")
    assert answer.status == 410
    assert "no longer takes uploads" in answer.json["error"]["message"]
