"""Say what the keeper asks of a pinning provider, whichever company it is.

Between: keeper and audit (call) and pinata, pinning_service (answer).
Shape: a provider's pins come in pages, each with the token of the next; a CID may be there more than once.
Invariant: `upload` and `pin` are safe to repeat after `find` found nothing: providers address by content.
Errors: those of errors.py.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from audifi.clients.ipfs.cids import Cid
from audifi.clients.ipfs.content import Content
from audifi.clients.ipfs.gateways import Gateway


class RemoteStatus(StrEnum):
    """How far a provider is."""

    QUEUED = "queued"
    PINNING = "pinning"
    PINNED = "pinned"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class RemotePin:
    """A pin as the provider knows it."""

    remote_id: str
    cid: Cid
    status: RemoteStatus
    created: str  # the provider's own time, which sorts as text: the oldest of several is the one that stays
    name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Some of a provider's pins."""

    pins: list[RemotePin]
    next_token: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """What is to be uploaded; a resumable upload tells its address as soon as it has one."""

    content: Content
    archive: Path
    resume_url: str | None
    remember: Callable[[str], Awaitable[None]]


class Provider(Protocol):
    """One company that keeps our content."""

    @property
    def name(self) -> str: ...
    @property
    def takes_uploads(self) -> bool:
        """Say whether bytes can be sent, or only a CID for the provider to fetch."""
        ...

    @property
    def gateway(self) -> Gateway: ...
    def allowance(self, wished: int) -> int:
        """Return how many pins may be worked on now, given the provider's health."""
        ...

    async def find(self, cid: Cid) -> list[RemotePin]:
        """Return what it has under this CID, oldest first."""
        ...

    async def upload(self, upload: Upload) -> RemotePin: ...
    async def pin(self, content: Content) -> RemotePin:
        """Ask it to fetch and keep this CID."""
        ...

    async def delete(self, remote_id: str) -> None:
        """Give up a pin; one that is gone already is fine."""
        ...

    async def page(self, token: str | None) -> Page: ...
    async def close(self) -> None: ...
