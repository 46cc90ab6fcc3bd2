"""Turn jsonb and numeric columns into values and back: the driver has text and Decimal for them.

Between: every module of this package with such a column.
Errors: none for what the database itself wrote.
"""

from typing import Any

import msgspec


def to_json(value: object) -> str:
    """Return what a jsonb parameter takes."""
    return msgspec.json.encode(value).decode()


def from_json(value: str) -> Any:
    """Return what a jsonb column holds."""
    return msgspec.json.decode(value)


def whole(value: Any) -> int:
    """Return an exact integer from a numeric or bigint column; nothing is zero."""
    return 0 if value is None else int(value)
