"""Show that Pinata's stand-in does what its pages and its SDK say, in what our client depends on.

Between: the stand-in as `audifi up` starts it, and plain HTTP.
Source: outbound.md 4.1; standins/pinata.py.
"""

import base64
import io
import secrets
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.component.standins.pinning.driver import Pinning, alone, archive, kill

from audifi.local.held import Held
from audifi.local.standins.content import car, unixfs
from audifi.local.waiting import NotReady, wait_for

pytestmark = pytest.mark.asyncio
MIB = 1024 * 1024


async def test_a_car_keeps_our_root_where_a_plain_upload_gets_another(pinata: Pinning) -> None:
    content = secrets.token_bytes(3 * MIB)
    root, packed = archive(content)
    plain = await pinata.upload(content)
    car = await pinata.upload(packed, "a.car", car="true")
    assert car.json["data"]["cid"] == str(root)
    assert car.json["data"]["size"] == len(content)
    assert plain.json["data"]["cid"] != str(root)
    for cid in (plain.json["data"]["cid"], str(root)):
        assert (await pinata.get(f"/ipfs/{cid}")).body == content


@pytest.mark.parametrize("spoil", ["flip", "cut", "drop a block", "no car"])
async def test_a_damaged_car_is_refused_and_leaves_nothing(pinata: Pinning, spoil: str) -> None:
    root, packed = archive(secrets.token_bytes(3 * MIB))
    bad = {
        "flip": packed[:-1] + bytes((packed[-1] ^ 1,)),
        "cut": packed[:-10],
        "drop a block": packed[: len(packed) - 10 - len(packed) // 2],
        "no car": b"no archive at all",
    }[spoil]
    answer = await pinata.upload(bad, "a.car", car="true")
    assert answer.status == 400, answer
    assert (await pinata.get(f"/v3/files/public?cid={root}")).json["data"]["files"] == []
    assert (await pinata.get(f"/ipfs/{root}")).status == 404


async def test_listings_page_without_gaps(pinata: Pinning) -> None:
    mark = secrets.token_hex(4)
    made = [(await pinata.upload(f"{mark} {n}".encode(), name=f"{mark}-{n}")).json["data"]["id"] for n in range(7)]
    seen: list[str] = []
    token = ""
    while True:
        page = (await pinata.get(f"/v3/files/public?limit=3&name={mark}&pageToken={token}")).json["data"]
        seen += [each["id"] for each in page["files"]]
        token = page["next_page_token"]
        if not token:
            break
    assert seen == list(reversed(made))


@pytest.mark.parametrize("token", ["", "not.the.token"])
async def test_a_wrong_token_is_refused_everywhere(pinata: Pinning, token: str) -> None:
    for method, path in (("GET", "/v3/files/public"), ("POST", "/v3/files"), ("GET", "/data/testAuthentication")):
        answer = await pinata.send(method, path, token=token)
        assert answer.status == 401
        assert answer.json["error"]["reason"] == "INVALID_CREDENTIALS"


async def test_private_files_are_served_to_nobody(pinata: Pinning, service: Pinning) -> None:
    content = secrets.token_bytes(100)
    cid = (await pinata.upload(content, network="private")).json["data"]["cid"]
    assert (await pinata.get(f"/ipfs/{cid}")).status == 404
    async with service.session.get(f"http://127.0.0.1:{pinata.control}/ipfs/{cid}?format=raw") as answer:
        assert answer.status == 404
    await pinata.upload(content)
    assert (await pinata.get(f"/ipfs/{cid}")).body == content


async def test_the_gateway_wants_its_token(pinata: Pinning) -> None:
    cid = (await pinata.upload(b"behind a token")).json["data"]["cid"]
    assert (await pinata.get(f"/ipfs/{cid}", headers={"x-pinata-gateway-token": "wrong"})).status == 403
    bare = {"x-pinata-gateway-token": ""}
    assert (await pinata.get(f"/ipfs/{cid}", headers=bare)).status == 403
    assert (await pinata.get(f"/ipfs/{cid}?pinataGatewayToken={pinata.gateway_token}", headers=bare)).status == 200


async def test_a_gateway_without_a_token_serves_roots_of_its_account_only(outside: Held, tmp_path: Path) -> None:
    """docs.pinata.cloud: restricted is the default, and CIDs below a pinned one count as not pinned."""
    content = secrets.token_bytes(MIB + 1)
    root, packed = archive(content)
    async with alone(outside, tmp_path, "pinata") as restricted:
        assert (await restricted.get(f"/ipfs/{root}")).status == 403
        await restricted.upload(packed, "a.car", car="true")
        raw = await restricted.get(f"/ipfs/{root}?format=raw")
        leaf = unixfs.read_node(raw.body)[0][0].cid
        assert (await restricted.get(f"/ipfs/{leaf}?format=raw")).status == 403
        assert (await restricted.get(f"/ipfs/{root}")).body == content
        assert (await restricted.get(f"/ipfs/{root}?format=car")).status == 200


async def test_the_gateway_serves_blocks_archives_and_ranges(pinata: Pinning) -> None:
    content = secrets.token_bytes(2 * MIB + 5)
    root, packed = archive(content)
    await pinata.upload(packed, "a.car", car="true")
    raw = await pinata.get(f"/ipfs/{root}?format=raw")
    assert root.matches(raw.body)
    assert raw.headers["Content-Type"] == "application/vnd.ipld.raw"
    leaves, _ = unixfs.read_node(raw.body)
    leaf = await pinata.get(f"/ipfs/{leaves[2].cid}?format=raw")
    assert leaf.body == content[2 * MIB :]
    whole = await pinata.get(f"/ipfs/{root}", headers={"Accept": "application/vnd.ipld.car"})
    assert sorted(_sections(whole.body)) == sorted(_sections(packed))
    part = await pinata.get(f"/ipfs/{root}", headers={"Range": f"bytes={MIB - 2}-{MIB + 2}"})
    assert (part.status, part.body) == (206, content[MIB - 2 : MIB + 3])
    assert part.headers["Content-Range"] == f"bytes {MIB - 2}-{MIB + 2}/{len(content)}"
    tail = await pinata.get(f"/ipfs/{root}", headers={"Range": "bytes=-5"})
    assert tail.body == content[-5:]
    assert (await pinata.get(f"/ipfs/{root}", headers={"Range": f"bytes={len(content)}-"})).status == 416
    again = await pinata.get(f"/ipfs/{root}", headers={"If-None-Match": part.headers["Etag"]})
    assert again.status == 304
    assert (await pinata.get(f"/ipfs/{root}?format=tar")).status == 400
    assert (await pinata.get("/ipfs/nonsense")).status == 400


def _sections(packed: bytes) -> list[bytes]:
    file = io.BytesIO(packed)
    car.roots(file)
    return [bytes(cid) for cid, _ in car.blocks(file)]


async def _begin(pinata: Pinning, length: int, **metadata: str) -> str:
    pairs = {"filename": "big.bin", "network": "public", **metadata}
    told = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())
    answer = await pinata.send("POST", "/v3/files", headers={"Upload-Length": str(length), "Upload-Metadata": told})
    assert answer.status == 201, answer
    location = answer.headers["Location"]
    assert location.startswith(pinata.url)
    return location.removeprefix(pinata.url)


async def _piece(pinata: Pinning, path: str, offset: int, data: Any) -> Any:
    headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    body = io.BytesIO(data) if isinstance(data, bytes) else data
    return await pinata.send("PATCH", path, headers=headers, data=body)


async def test_a_resumable_upload_goes_on_where_it_was_cut(pinata: Pinning) -> None:
    content = secrets.token_bytes(3 * MIB)
    root, packed = archive(content)
    path = await _begin(pinata, len(packed), car="true")
    assert (await _piece(pinata, path, 0, packed[:MIB])).headers["Upload-Offset"] == str(MIB)

    async def cut() -> Any:
        yield packed[MIB : MIB + 1000]
        raise ConnectionError("the caller dies")

    with pytest.raises(aiohttp.ClientOSError):
        await _piece(pinata, path, MIB, cut())

    async def told() -> int:
        offset = int((await pinata.send("HEAD", path)).headers["Upload-Offset"])
        if offset != MIB + 1000:
            raise NotReady(f"offset {offset}")
        return offset

    offset = await wait_for(told, within_s=5, saying="the offset tells what arrived")
    assert (await _piece(pinata, path, 0, b"again")).status == 409
    last = await _piece(pinata, path, offset, packed[offset:])
    assert last.status == 204
    assert last.headers["upload-cid"] == str(root)
    assert (await pinata.get(f"/ipfs/{root}")).body == content
    again = await _piece(pinata, path, len(packed), b"")
    assert (again.status, again.headers["upload-cid"]) == (204, str(root))


async def test_a_caller_who_goes_away_in_the_middle_leaves_nothing(pinata: Pinning, outside: Held) -> None:
    root, packed = archive(secrets.token_bytes(2 * MIB))

    async def cut() -> Any:
        yield packed[:MIB]
        raise ConnectionError("the caller dies")

    form = aiohttp.FormData({"network": "public", "car": "true"})
    form.add_field("file", cut(), filename="a.car", content_type="text/plain")
    with pytest.raises(aiohttp.ClientOSError):
        await pinata.send("POST", "/v3/files", data=form)
    incoming = outside.instance.data("pinata-1") / "incoming"

    async def empty() -> None:
        if left := list(incoming.iterdir()):
            raise NotReady(str(left))

    await wait_for(empty, within_s=5, saying="what arrived is thrown away")
    assert (await pinata.get(f"/v3/files/public?cid={root}")).json["data"]["files"] == []
    assert "Traceback" not in outside.instance.log("pinata-1").read_text()


async def test_what_is_kept_survives_a_kill(pinata: Pinning, outside: Held) -> None:
    content = secrets.token_bytes(2 * MIB)
    root, packed = archive(content)
    await pinata.upload(packed, "a.car", car="true")
    path = await _begin(pinata, len(packed))
    await _piece(pinata, path, 0, packed[:MIB])
    await kill(outside, "pinata-1")
    assert (await pinata.get(f"/ipfs/{root}")).body == content
    assert len((await pinata.get(f"/v3/files/public?cid={root}")).json["data"]["files"]) == 1
    assert (await pinata.send("HEAD", path)).headers["Upload-Offset"] == str(MIB)


async def test_pin_by_cid_fetches_from_the_network_or_waits(pinata: Pinning) -> None:
    unknown = archive(secrets.token_bytes(50))[0]
    job = (await pinata.send("POST", "/v3/files/public/pin_by_cid", json={"cid": str(unknown), "name": "n"})).json
    assert job["data"]["status"] == "prechecking"
    queue = (await pinata.get(f"/v3/files/public/pin_by_cid?cid={unknown}")).json["data"]["jobs"]
    assert [each["id"] for each in queue] == [job["data"]["id"]]
    assert (await pinata.send("DELETE", f"/v3/files/public/pin_by_cid/{job['data']['id']}")).status == 200
    assert (await pinata.get(f"/v3/files/public/pin_by_cid?cid={unknown}")).json["data"]["jobs"] == []


async def test_the_legacy_api_is_a_world_of_its_own(pinata: Pinning) -> None:
    form = aiohttp.FormData()
    form.add_field("file", secrets.token_bytes(40), filename="old.bin")
    form.add_field("pinataMetadata", '{"name": "old"}')
    policy = '{"regions": [{"id": "FRA1", "desiredReplicationCount": 2}]}'
    form.add_field("pinataOptions", f'{{"cidVersion": 1, "customPinPolicy": {policy}}}')
    cid = (await pinata.send("POST", "/pinning/pinFileToIPFS", data=form)).json["IpfsHash"]
    row = (await pinata.get(f"/data/pinList?hashContains={cid}")).json["rows"][0]
    assert row["regions"] == [{"regionId": "FRA1", "currentReplicationCount": 2, "desiredReplicationCount": 2}]
    assert (await pinata.get(f"/v3/files/public?cid={cid}")).json["data"]["files"] == []
    assert (await pinata.get(f"/ipfs/{cid}")).status == 200
    assert (await pinata.send("DELETE", f"/pinning/unpin/{cid}")).status == 200
    assert (await pinata.get(f"/ipfs/{cid}")).status == 404
    told = {"pinataContent": {"b": 1, "a": [1, 2]}, "pinataOptions": {"cidVersion": 1}}
    json_cid = (await pinata.send("POST", "/pinning/pinJSONToIPFS", json=told)).json["IpfsHash"]
    assert (await pinata.get(f"/ipfs/{json_cid}")).body == b'{"b":1,"a":[1,2]}'


async def test_content_goes_with_the_last_who_holds_it(pinata: Pinning) -> None:
    shared = secrets.token_bytes(MIB)
    one, two = (archive(shared + tail) for tail in (b"", b"and a tail"))
    ids = [(await pinata.upload(packed, "a.car", car="true")).json["data"]["id"] for _, packed in (one, two)]
    await pinata.send("DELETE", f"/v3/files/public/{ids[0]}")
    assert (await pinata.get(f"/ipfs/{two[0]}")).body == shared + b"and a tail"
    await pinata.send("DELETE", f"/v3/files/public/{ids[1]}")
    assert (await pinata.get(f"/ipfs/{two[0]}")).status == 404
    assert (await pinata.send("DELETE", f"/v3/files/public/{ids[1]}")).status == 404
