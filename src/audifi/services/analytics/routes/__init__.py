"""List every operation of analytics-service.

Between: app (serves them), docs/openapi/analytics.json (the same table as a document), wire.routes (what gets in).
Shape: one module per noun, each with its bodies, its handlers and its OPERATIONS.
"""

from dataclasses import replace
from typing import Final

from audifi.kernel.http import Access, Operation
from audifi.services.analytics.routes import artists, dashboard, events, exports, internal, limits, masters, sessions


def _limited(operation: Operation) -> Operation:
    """Count every read and every change of a signed-in user, so that no table can forget to."""
    if operation.access is Access.SERVICE:
        return operation
    rule = limits.READ if operation.method == "GET" else limits.WRITE
    return replace(operation, limits=(rule, *operation.limits))


_TABLE: Final[tuple[Operation, ...]] = (
    *events.OPERATIONS,
    *dashboard.OPERATIONS,
    *masters.OPERATIONS,
    *sessions.OPERATIONS,
    *artists.OPERATIONS,
    *exports.OPERATIONS,
    *internal.OPERATIONS,
)

OPERATIONS: Final = tuple(_limited(operation) for operation in _TABLE)
