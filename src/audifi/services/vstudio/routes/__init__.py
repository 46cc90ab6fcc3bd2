"""List everything vstudio-service answers to.

Between: app (serves it), docs/openapi/vstudio.json (the same table as a document), wire.routes (what gets in).
Shape: one module per noun, each with its bodies, its handlers and its OPERATIONS; their order does not matter.
"""

from dataclasses import replace
from typing import Final

from audifi.kernel.http import Access, Operation
from audifi.services.vstudio.routes import (
    chat,
    commands,
    contributions,
    decisions,
    eligibility,
    gateway,
    limits,
    recap,
    sessions,
    streams,
    tickets,
    votes,
)

# One line per noun.
_TABLES: Final[tuple[tuple[Operation, ...], ...]] = (
    sessions.OPERATIONS,
    decisions.OPERATIONS,
    eligibility.OPERATIONS,
    recap.OPERATIONS,
    votes.OPERATIONS,
    contributions.OPERATIONS,
    chat.OPERATIONS,
    tickets.OPERATIONS,
    streams.OPERATIONS,
    gateway.OPERATIONS,
    commands.OPERATIONS,
)  # fmt: skip


def _with_write_limit(operation: Operation) -> Operation:
    """Count every change a signed-in user makes, so that no table can forget to."""
    is_counted = operation.method != "GET" and operation.access not in (Access.GUEST, Access.SERVICE)
    return replace(operation, limits=(limits.WRITE, *operation.limits)) if is_counted else operation


OPERATIONS: Final = tuple(_with_write_limit(operation) for table in _TABLES for operation in table)
