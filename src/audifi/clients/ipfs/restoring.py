"""Get hold of content's bytes again: from our own disk, else from whoever still serves them.

Between: keeper and audit (need an archive to upload) and shelf, gateways.
Invariant: what is returned is a whole archive of exactly this CID, every block proved.
Units: bytes. A fetched archive is at most what the content weighs, with room for another order of its blocks.
Errors: NotRetrievable when neither our disk nor any gateway has it now; ContentError when our disk does not take it.
"""

import asyncio
from pathlib import Path
from typing import Final

from audifi.clients.ipfs.car import CarError
from audifi.clients.ipfs.cids import Cid
from audifi.clients.ipfs.content import Content, ContentError, Shelf
from audifi.clients.ipfs.gateways import Gateways
from audifi.kernel.telemetry import log

_ROOM_BYTES: Final = 1 << 20


class Restorer:
    """The ways back to bytes."""

    def __init__(self, shelf: Shelf, gateways: Gateways) -> None:
        self.shelf = shelf
        self._gateways = gateways

    async def archive(self, content: Content, *, without: str = "") -> Path:
        """Return the path of a whole archive; `without` names a gateway that is not to be asked."""
        if await self._is_whole(content):
            return self.shelf.path(content.cid)
        size_max = content.car_bytes + _ROOM_BYTES
        try:
            with self.shelf.part() as part:
                await self._gateways.fetch(Cid.parse(content.cid), part, size_max=size_max, without=without)
                await asyncio.to_thread(self.shelf.put, part, content.cid)
        except OSError as error:
            raise ContentError(f"{content.cid} cannot be put on disk: {error.strerror}") from error
        log.info("content was fetched back from a gateway", cid=content.cid)
        return self.shelf.path(content.cid)

    async def _is_whole(self, content: Content) -> bool:
        if not self.shelf.has(content.cid):
            return False
        try:
            await self.shelf.verify(content.cid)
        except (CarError, OSError) as error:
            log.error("an archive on disk is damaged: it is fetched anew", cid=content.cid, error=str(error))
            self.shelf.drop(content.cid)
            return False
        return True
