"""Pin at any company that speaks the vendor-neutral IPFS Pinning Service API: the second hot copy.

Between: keeper and audit (as a Provider) and a service with `/pins`.

Such a service takes no bytes: it is given a CID and finds the content on the network (here: the first copy, at
Pinata), so a new pin is `queued`, then `pinning`, and may take a while or fail.
Shape: {"count": 1, "results": [{"requestid", "status", "created", "pin": {"cid", "name"}, "delegates"}]}, newest first;
the next page is what was created `before` the oldest of this one.
Idempotent: the keeper looks the CID up first; a second request for a CID has another requestid, and the older stays.
Errors: errors.py.
Source: github.com/ipfs/pinning-services-api-spec v1.0.0 (frozen, archived 2026-07-31).
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from audifi.clients.ipfs.cids import Cid, CidError
from audifi.clients.ipfs.content import Content
from audifi.clients.ipfs.errors import NeverAccepted, ProviderAway
from audifi.clients.ipfs.gateways import Gateway
from audifi.clients.ipfs.provider import Page, RemotePin, RemoteStatus, Upload
from audifi.clients.ipfs.transport import Answer, Transport

NAME: Final = "pinning-service"
PAGE: Final = 100  # the specification allows 1000
_ALL: Final = "queued,pinning,pinned,failed"


class PinningService:
    """Our account at one service."""

    name = NAME
    takes_uploads = False

    def __init__(
        self, transport: Transport, *, url: str, gateway: Gateway, origins: tuple[str, ...] = (), page: int = PAGE
    ) -> None:
        """Take the service's base address; `origins` are multiaddresses of nodes that have our content."""
        self._transport = transport
        self._url = url.rstrip("/")
        self._origins = origins
        self._page = page
        self.gateway = gateway

    def allowance(self, wished: int) -> int:
        return self._transport.breaker.allowance(wished)

    async def close(self) -> None:
        await self._transport.close()

    async def find(self, cid: Cid) -> list[RemotePin]:
        found = await self._list({"cid": str(cid), "limit": "100"})
        return sorted((pin for pin in found if pin.cid.is_same_content(cid)), key=lambda pin: pin.created)

    async def page(self, token: str | None) -> Page:
        """Page back in time. `before` excludes its own instant, so a page asks a millisecond later than it has to:
        pins of the same instant come twice rather than not at all.
        """
        found = await self._list({"limit": str(self._page), **({"before": token} if token else {})})
        oldest = min((pin.created for pin in found), default=None)
        if oldest is None or len(found) < self._page:
            return Page(pins=found, next_token=None)
        overlapping = _after(oldest)
        return Page(pins=found, next_token=oldest if overlapping == token else overlapping)

    async def pin(self, content: Content) -> RemotePin:
        answer = await self._transport.call(
            "POST",
            f"{self._url}/pins",
            json={
                "cid": content.cid,
                "name": (content.name or content.cid)[:255],
                "origins": list(self._origins),
                "meta": {"sha256": content.sha256},
            },
            has_effect=True,
        )
        return self._pin(self._object(answer))

    async def upload(self, upload: Upload) -> RemotePin:
        raise NeverAccepted(f"{NAME} takes no bytes: {upload.content.cid} must be pinned by its CID")

    async def delete(self, remote_id: str) -> None:
        await self._transport.call("DELETE", f"{self._url}/pins/{remote_id}", has_effect=True)

    async def _list(self, query: dict[str, str]) -> list[RemotePin]:
        answer = await self._transport.call("GET", f"{self._url}/pins", params={"status": _ALL, **query})
        results: Any = self._object(answer).get("results")
        if not isinstance(results, list):
            raise ProviderAway(f"{NAME} answered a list without results")
        return [self._pin(result) for result in results]  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]

    def _object(self, answer: Answer) -> dict[str, Any]:
        found: Any = answer.json(NAME)
        if answer.status == 404 or not isinstance(found, dict):
            raise ProviderAway(f"{NAME} answered {answer.status} with something else than an object")
        return found  # pyright: ignore[reportUnknownVariableType]

    def _pin(self, result: dict[str, Any]) -> RemotePin:
        try:
            pin: dict[str, Any] = result["pin"]
            return RemotePin(
                remote_id=str(result["requestid"]),
                cid=Cid.parse(str(pin["cid"])),
                status=RemoteStatus(result["status"]),
                created=str(result["created"]),
                name=str(pin.get("name") or ""),
            )
        except (KeyError, TypeError, ValueError, CidError) as error:
            raise ProviderAway(f"{NAME} described a pin in a way we do not know") from error


def _after(created: str) -> str:
    """Return the instant a millisecond later, in the specification's form: 2020-07-27T17:32:28.276Z."""
    try:
        moment = datetime.fromisoformat(created) + timedelta(milliseconds=1)
    except ValueError as error:
        raise ProviderAway(f"{NAME} says a pin was created at {created[:40]!r}") from error
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
