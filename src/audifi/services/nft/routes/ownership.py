"""Find the master a request names, for whoever may know of it.

Between: routes.* (the first thing they do).
Invariant: a stranger cannot tell a draft from a master that does not exist.
Errors: MasterNotFound, Forbidden, ContentUnavailable.
Source: domain.md 2.0 ("404 instead when existence would leak"), 9.51, 9.57.
"""

from audifi.kernel.connection import Connection
from audifi.services.nft.errors import ContentUnavailable, Forbidden, MasterNotFound
from audifi.services.nft.parts import NftCall
from audifi.services.nft.rules.masters import is_visible
from audifi.services.nft.store import masters
from audifi.services.nft.store.masters import Master


async def visible(connection: Connection, call: NftCall) -> Master:
    """Return the master for reading."""
    master = await masters.one(connection, str(call.parameters.id))
    viewer_id = None if call.principal is None else call.principal.user_id
    if master is None or not is_visible(master.status, master.artist_id, viewer_id=viewer_id):
        raise MasterNotFound
    if master.taken_down_at is not None and master.artist_id != viewer_id:
        raise ContentUnavailable
    return master


async def own(connection: Connection, call: NftCall, *, for_update: bool = False) -> Master:
    """Return the master for changing it: its artist's alone."""
    master = await masters.one(connection, str(call.parameters.id), for_update=for_update)
    user_id = call.user().user_id
    if master is None or not is_visible(master.status, master.artist_id, viewer_id=user_id):
        raise MasterNotFound
    if master.artist_id != user_id:
        raise Forbidden
    return master


def is_own(call: NftCall, master: Master) -> bool:
    """Whether the caller is its artist."""
    return call.principal is not None and call.principal.user_id == master.artist_id
