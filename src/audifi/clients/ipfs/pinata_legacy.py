"""Pin at Pinata by its older API, the only one that ever had regions: an option, when PINATA_LEGACY_REGIONS is set.

Between: keeper and audit (as a Provider, in place of pinata) and api.pinata.cloud/pinning, /data.

Why an option and no default: v3 has no regions, and the older list does not show what was uploaded by v3 (nor the other
way round), so one account uses one of them. Whether the regions still have an effect nobody documents; the proof of a
second copy is the second provider and the audit, not this field.
What it cannot do: take an archive. Pinata cuts the file itself, so the shelf must name content as it does (profile
kubo-v1-legacy); the keeper compares its CID with ours. No resumable uploads, no directories.
Shape: {"IpfsHash", "PinSize", "Timestamp"}; lists {"count", "rows": [{"id", "ipfs_pin_hash", "date_pinned", …}]}.
Invariant: unpinning is by CID, so a pin's remote id is its CID.
Units: bytes. Memory: one block of the archive.
Errors: errors.py.
Source: npm @pinata/sdk 2.1.0 (paths, options, customPinPolicy); outbound.md 4.1 (separate lists, regions FRA1, NYC1).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec

from audifi.clients.ipfs import bodies, car
from audifi.clients.ipfs.cids import RAW, Cid, CidError
from audifi.clients.ipfs.content import Content
from audifi.clients.ipfs.errors import NeverAccepted, ProviderAway
from audifi.clients.ipfs.gateways import Gateway
from audifi.clients.ipfs.pinata import NAME
from audifi.clients.ipfs.provider import Page, RemotePin, RemoteStatus, Upload
from audifi.clients.ipfs.transport import Answer, Transport, patiently

PAGE: Final = 1000
REGIONS: Final = ("FRA1", "NYC1")


def regions(given: Sequence[str]) -> list[dict[str, Any]]:
    """Read `FRA1:1`, `NYC1:2` as a pin policy's regions.

    Raises: ValueError, saying which part is wrong.
    """
    found: list[dict[str, Any]] = []
    for each in given:
        name, _, count = each.partition(":")
        if name not in REGIONS or not count.isdigit() or not 0 <= int(count) <= 2:
            raise ValueError(f"{each!r}: expected one of {', '.join(REGIONS)}, a colon and 0 to 2 copies, e.g. FRA1:1")
        found.append({"id": name, "desiredReplicationCount": int(count)})
    return found


class PinataLegacy:
    """Our account there, by its older API."""

    name = NAME
    takes_uploads = True

    def __init__(
        self, transport: Transport, *, api_url: str, gateway: Gateway, pin_regions: list[dict[str, Any]]
    ) -> None:
        self._transport = transport
        self._api = api_url.rstrip("/")
        self._options = {"cidVersion": 1, "customPinPolicy": {"regions": pin_regions}}
        self.gateway = gateway

    def allowance(self, wished: int) -> int:
        return self._transport.breaker.allowance(wished)

    async def close(self) -> None:
        await self._transport.close()

    async def find(self, cid: Cid) -> list[RemotePin]:
        page = await self._list({"hashContains": str(cid)})
        return [pin for pin in page if pin.cid.is_same_content(cid)]

    async def page(self, token: str | None) -> Page:
        start = int(token or 0)
        pins = await self._list({"pageOffset": str(start)})
        return Page(pins=pins, next_token=str(start + PAGE) if len(pins) == PAGE else None)

    async def delete(self, remote_id: str) -> None:
        await self._transport.call("DELETE", f"{self._api}/pinning/unpin/{remote_id}", has_effect=True)

    async def pin(self, content: Content) -> RemotePin:
        answer = await self._transport.call(
            "POST",
            f"{self._api}/pinning/pinByHash",
            json={"hashToPin": content.cid, "pinataOptions": self._options},
            has_effect=True,
        )
        cid = self._cid(self._object(answer).get("ipfsHash"))
        return RemotePin(remote_id=str(cid), cid=cid, status=RemoteStatus.QUEUED, created="")

    async def upload(self, upload: Upload) -> RemotePin:
        content = upload.content
        root = Cid.parse(content.cid)
        places = await asyncio.to_thread(car.verified, upload.archive, root)
        if root.codec != RAW and not await asyncio.to_thread(_is_file, upload, root, places):
            raise NeverAccepted(f"{content.cid} is a directory: the legacy API is used for files only")
        fields = {
            "pinataOptions": msgspec.json.encode(self._options).decode(),
            "pinataMetadata": msgspec.json.encode({"name": content.name or content.cid}).decode(),
        }
        form = bodies.of_form(
            fields, _file(upload, root, places), filename=f"{content.cid}.bin", length=content.size_bytes
        )
        answer = await self._transport.call(
            "POST",
            f"{self._api}/pinning/pinFileToIPFS",
            data=form.data,
            headers=form.headers,
            timeout=patiently(),
            has_effect=True,
        )
        cid = self._cid(self._object(answer).get("IpfsHash"))
        return RemotePin(remote_id=str(cid), cid=cid, status=RemoteStatus.PINNED, created="")

    async def _list(self, query: dict[str, str]) -> list[RemotePin]:
        answer = await self._transport.call(
            "GET", f"{self._api}/data/pinList", params={"status": "pinned", "pageLimit": str(PAGE), **query}
        )
        rows: list[dict[str, Any]] = self._object(answer).get("rows") or []
        return [self._row(row) for row in rows]

    def _row(self, row: dict[str, Any]) -> RemotePin:
        cid = self._cid(row.get("ipfs_pin_hash"))
        created = str(row.get("date_pinned", ""))
        return RemotePin(remote_id=str(cid), cid=cid, status=RemoteStatus.PINNED, created=created)

    def _object(self, answer: Answer) -> dict[str, Any]:
        found: Any = answer.json(NAME)
        if answer.status == 404 or not isinstance(found, dict):
            raise ProviderAway(f"{NAME} answered {answer.status} with something else than an object")
        return found  # pyright: ignore[reportUnknownVariableType]

    def _cid(self, text: Any) -> Cid:
        try:
            return Cid.parse(str(text))
        except CidError as error:
            raise ProviderAway(f"{NAME} named content {str(text)[:80]!r}") from error


def _is_file(upload: Upload, root: Cid, places: dict[Cid, car.Place]) -> bool:
    """A directory holds no bytes of its own: what comes out below it is not what was counted."""
    size = sum(len(piece) for piece in car.file_bytes(upload.archive, root, places))
    return size == upload.content.size_bytes and upload.content.sha256 != root.digest.hex()


async def _file(upload: Upload, root: Cid, places: dict[Cid, car.Place]) -> AsyncIterator[bytes]:
    for piece in car.file_bytes(upload.archive, root, places):
        yield piece
