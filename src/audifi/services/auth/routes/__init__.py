"""List every operation of auth-service.

Between: app (serves them), docs/openapi/auth.json (the same table as a document), wire.routes (what gets in).
Shape: one module per noun, each with its bodies, its handlers and its OPERATIONS.
"""

from dataclasses import replace
from typing import Final

from audifi.kernel.http import Access, Operation
from audifi.services.auth.routes import (
    account,
    admin,
    consents,
    health,
    internal,
    keys,
    limits,
    login,
    mfa,
    profile,
    renewal,
    sessions,
    wallets,
)


def _with_write_limit(operation: Operation) -> Operation:
    """Count every change a signed-in user makes, so that no table can forget to."""
    is_counted = operation.method != "GET" and operation.access not in (Access.GUEST, Access.SERVICE)
    return replace(operation, limits=(limits.WRITE, *operation.limits)) if is_counted else operation


_TABLE: Final[tuple[Operation, ...]] = (
    *login.OPERATIONS,
    *renewal.OPERATIONS,
    *mfa.OPERATIONS,
    *sessions.OPERATIONS,
    *wallets.OPERATIONS,
    *profile.OPERATIONS,
    *account.OPERATIONS,
    *consents.OPERATIONS,
    *admin.OPERATIONS,
    *keys.OPERATIONS,
    *internal.OPERATIONS,
    *health.OPERATIONS,
)

OPERATIONS: Final = tuple(_with_write_limit(operation) for operation in _TABLE)
