"""Pin at Pinata by its v3 API: archives up to 90 MiB in one request, larger ones in resumable parts.

Between: keeper and audit (as a Provider) and uploads.pinata.cloud, api.pinata.cloud, the dedicated gateway.

Why an archive with `car`: the root is ours then, whatever chunker Pinata uses.
Resumable: TUS 1.0. POST with Upload-Length gives an address, which the ledger remembers; HEAD says how much is there,
PATCH sends the next PART_BYTES; the last one answers with `upload-cid`.
Shape: {"data": {"id", "cid", "size", "created_at", "is_duplicate"}}; lists {"data": {"files": […], "next_page_token"}}.
Units: bytes. Memory: one piece of the file.
Idempotent: Pinata answers a second upload of the same content with the first one's id (`is_duplicate`).
Errors: errors.py.
Source: docs.pinata.cloud/api-reference (upload, list files, delete, pin by CID); npm pinata 2.5.6 (90 MiB, parts of
50 MiB, metadata keys); tus.io/protocols/resumable-upload 1.0.
"""

import base64
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from audifi.clients.ipfs import bodies
from audifi.clients.ipfs.cids import Cid, CidError
from audifi.clients.ipfs.content import Content
from audifi.clients.ipfs.errors import ProviderAway
from audifi.clients.ipfs.gateways import Gateway
from audifi.clients.ipfs.provider import Page, RemotePin, RemoteStatus, Upload
from audifi.clients.ipfs.transport import Answer, Transport, patiently

NAME: Final = "pinata"
WHOLE_BYTES_MAX: Final = 90 << 20
PART_BYTES: Final = 50 << 20
PAGE: Final = 100


class Pinata:
    """Our account there."""

    name = NAME
    takes_uploads = True

    def __init__(
        self, transport: Transport, *, api_url: str, uploads_url: str, gateway: Gateway, page: int = PAGE
    ) -> None:
        self._transport = transport
        self._page = page
        self._api = api_url.rstrip("/")
        self._uploads = uploads_url.rstrip("/")
        self.gateway = gateway

    def allowance(self, wished: int) -> int:
        return self._transport.breaker.allowance(wished)

    async def close(self) -> None:
        await self._transport.close()

    async def find(self, cid: Cid) -> list[RemotePin]:
        page = await self._list({"cid": str(cid)})
        return sorted((pin for pin in page.pins if pin.cid.is_same_content(cid)), key=lambda pin: pin.created)

    async def page(self, token: str | None) -> Page:
        return await self._list({"pageToken": token} if token else {})

    async def delete(self, remote_id: str) -> None:
        await self._transport.call("DELETE", f"{self._api}/v3/files/public/{remote_id}", has_effect=True)

    async def pin(self, content: Content) -> RemotePin:
        """Ask Pinata to fetch a CID from the network: for content whose bytes only others have."""
        answer = await self._transport.call(
            "POST",
            f"{self._api}/v3/files/public/pin_by_cid",
            json={"cid": content.cid, "name": content.name or content.cid},
            has_effect=True,
        )
        data = self._data(answer)
        status = RemoteStatus.FAILED if "fail" in str(data.get("status")) else RemoteStatus.QUEUED
        return RemotePin(remote_id=str(data.get("id")), cid=Cid.parse(content.cid), status=status, created="")

    async def upload(self, upload: Upload) -> RemotePin:
        is_large = upload.content.car_bytes > WHOLE_BYTES_MAX
        return await (self._in_parts(upload) if is_large else self._whole(upload))

    async def _whole(self, upload: Upload) -> RemotePin:
        content = upload.content
        archive = bodies.pieces(upload.archive, 0, content.car_bytes)
        form = bodies.of_form(_fields(content), archive, filename=f"{content.cid}.car", length=content.car_bytes)
        answer = await self._transport.call(
            "POST",
            f"{self._uploads}/v3/files",
            data=form.data,
            headers=form.headers,
            timeout=patiently(),
            has_effect=True,
        )
        return self._pin(self._data(answer))

    async def _in_parts(self, upload: Upload) -> RemotePin:
        total = upload.content.car_bytes
        url, offset = await self._begun(upload)
        named = ""
        while offset < total:
            length = min(PART_BYTES, total - offset)
            part = bodies.of_range(upload.archive, offset, length, "application/offset+octet-stream")
            headers = {**part.headers, "Tus-Resumable": "1.0.0", "Upload-Offset": str(offset)}
            answer = await self._transport.call(
                "PATCH", url, data=part.data, headers=headers, timeout=patiently(), has_effect=True
            )
            if answer.status == 404:
                raise ProviderAway(f"{NAME} forgot an upload at byte {offset} of {total}")
            named = answer.headers.get("upload-cid", named)
            offset = _number(answer, "Upload-Offset", offset + length)
        return await self._after_parts(Cid.parse(upload.content.cid), named)

    async def _begun(self, upload: Upload) -> tuple[str, int]:
        """Go on where an earlier try stopped, if Pinata still knows it; else begin."""
        if upload.resume_url:
            answer = await self._transport.call("HEAD", upload.resume_url, headers={"Tus-Resumable": "1.0.0"})
            offset = _number(answer, "Upload-Offset", -1)
            if answer.status != 404 and 0 <= offset <= upload.content.car_bytes:
                return upload.resume_url, offset
        fields = {"filename": f"{upload.content.cid}.car", **_fields(upload.content)}
        metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in fields.items())
        headers = {
            "Tus-Resumable": "1.0.0",
            "Upload-Length": str(upload.content.car_bytes),
            "Upload-Metadata": metadata,
        }
        answer = await self._transport.call("POST", f"{self._uploads}/v3/files", headers=headers, has_effect=True)
        if "Location" not in answer.headers:
            raise ProviderAway(f"{NAME} began an upload without saying where")
        url = urljoin(f"{self._uploads}/v3/files", answer.headers["Location"])
        if urlsplit(url)[:2] != urlsplit(self._uploads)[:2]:  # our token goes to their host only
            raise ProviderAway(f"{NAME} wants an upload at another host")
        await upload.remember(url)
        return url, 0

    async def _after_parts(self, ours: Cid, named: str) -> RemotePin:
        """Learn the id of what was uploaded in parts: the answer to the last part has only the CID."""
        cid = self._cid(named) if named else ours
        found = [pin for pin in await self.find(cid) if pin.status is RemoteStatus.PINNED]
        if not found:
            raise ProviderAway(f"{NAME} does not list {cid} after its upload", may_have_taken_effect=True)
        return found[0]

    async def _list(self, query: dict[str, str]) -> Page:
        answer = await self._transport.call(
            "GET", f"{self._api}/v3/files/public", params={"limit": str(self._page), "order": "ASC", **query}
        )
        data = self._data(answer)
        files: list[dict[str, Any]] = data.get("files") or []
        return Page(pins=[self._pin(file) for file in files], next_token=data.get("next_page_token") or None)

    def _data(self, answer: Answer) -> dict[str, Any]:
        data: Any = answer.json(NAME)
        if not isinstance(data, dict) or not isinstance(data.get("data"), dict):  # pyright: ignore[reportUnknownMemberType]
            raise ProviderAway(f"{NAME} answered {answer.status} without data")
        return data["data"]  # pyright: ignore[reportUnknownVariableType]

    def _pin(self, file: dict[str, Any]) -> RemotePin:
        return RemotePin(
            remote_id=str(file.get("id")),
            cid=self._cid(str(file.get("cid"))),
            status=RemoteStatus.PINNED,
            created=str(file.get("created_at", "")),
            name=str(file.get("name") or ""),
        )

    def _cid(self, text: str) -> Cid:
        try:
            return Cid.parse(text)
        except CidError as error:
            raise ProviderAway(f"{NAME} named content {text[:80]!r}") from error


def _fields(content: Content) -> dict[str, str]:
    return {"network": "public", "name": content.name or content.cid, "car": "true"}


def _number(answer: Answer, header: str, default: int) -> int:
    value = answer.headers.get(header, "")
    return int(value) if value.isdigit() else default
