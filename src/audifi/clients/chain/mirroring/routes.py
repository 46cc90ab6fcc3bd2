"""Let the worker ask what to follow, and deliver what it read.

Between: services that mirror (`*mirroring.operations(lambda call: call.deps.mirror)` in their routes) and the worker.
Invariant: only services with a declared link get in; a batch is one database transaction.
Errors: Conflict when another indexer was faster or the watches changed: the worker begins anew.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from audifi.clients.chain.mirroring.messages import Batch, ChainPath, Mirrored, Watched
from audifi.clients.chain.mirroring.mirror import Mirror
from audifi.kernel.http import Access, Call, Operation
from audifi.wire.problems import Conflict

BATCH_BYTES_MAX: Final = 8 * 1024 * 1024  # all logs of a block of 60 M gas: about 4 000 of 700 bytes
_EXAMPLE: Final[Mapping[str, Any]] = {
    "after": {"block": 120, "hash": "0x" + "1a" * 32},
    "watches": 1,
    "first": 121,
    "checkpoint": {"block": 121, "hash": "0x" + "2b" * 32},
    "logs": [],
}


def operations(mirror_of: Callable[[Call[Any]], Mirror]) -> tuple[Operation, ...]:
    """Return the two operations; `call.deps` has the `database` whose schema holds the rows."""

    async def watched(call: Call[Any]) -> Watched:
        async with call.deps.database.read_primary() as connection:
            return await mirror_of(call).watched(connection, call.parameters.chain_id)

    async def logs(call: Call[Any], body: Batch) -> Mirrored:
        async with call.deps.database.transaction() as tx:
            return Mirrored(await mirror_of(call).apply(tx, call.parameters.chain_id, body))

    return (
        Operation(
            method="GET", path="/internal/v1/chains/{chainId}/watched", handler=watched, tag="internal",
            summary="Say which contracts of a chain to follow", access=Access.SERVICE, parameters=ChainPath,
            reply=Watched,
        ),
        Operation(
            method="POST", path="/internal/v1/chains/{chainId}/logs", handler=logs, tag="internal",
            summary="Take over what a chain logged", access=Access.SERVICE, parameters=ChainPath, body=Batch,
            reply=Mirrored, errors=(Conflict,), body_bytes_max=BATCH_BYTES_MAX, example=_EXAMPLE,
        ),
    )  # fmt: skip
