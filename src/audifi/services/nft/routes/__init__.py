"""List every operation of nft-service.

Between: app (serves them), docs/openapi/nft.json (the same table as a document), wire.routes (what gets in).
Shape: one module per noun, each with its bodies, its handlers and its OPERATIONS; their order does not matter.
"""

from dataclasses import replace
from typing import Final

from audifi.clients.chain.mirroring import routes as mirroring
from audifi.clients.chain.mirroring.mirror import Mirror
from audifi.kernel.http import Access, Operation
from audifi.services.nft.parts import NftCall
from audifi.services.nft.routes import (
    dividends,
    holdings,
    internal_masters,
    ipos,
    launches,
    limits,
    listings,
    locking,
    masters,
    mover,
    portfolio,
    purchases,
    purchases_internal,
    revenue,
    shares,
    uploads,
)


def _mirror_of(call: NftCall) -> Mirror:
    return call.deps.mirror


# One line per noun.
_TABLES: Final[tuple[tuple[Operation, ...], ...]] = (
    masters.OPERATIONS,
    locking.OPERATIONS,
    uploads.OPERATIONS,
    ipos.OPERATIONS,
    launches.OPERATIONS,
    internal_masters.OPERATIONS,
    revenue.OPERATIONS,
    holdings.OPERATIONS,
    portfolio.OPERATIONS,
    dividends.OPERATIONS,
    purchases.OPERATIONS,
    purchases_internal.OPERATIONS,
    listings.OPERATIONS,
    shares.OPERATIONS,
    mover.OPERATIONS,
    mirroring.operations(_mirror_of),
)  # fmt: skip


def _with_write_limit(operation: Operation) -> Operation:
    """Count every change a signed-in user makes, so that no table can forget to."""
    is_counted = operation.method != "GET" and operation.access not in (Access.GUEST, Access.SERVICE)
    return replace(operation, limits=(limits.WRITE, *operation.limits)) if is_counted else operation


OPERATIONS: Final = tuple(_with_write_limit(operation) for table in _TABLES for operation in table)
