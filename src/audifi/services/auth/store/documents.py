"""Turn jsonb columns into values and back: Postgres and the driver exchange them as text.

Between: every module of this package that has a jsonb column.
Errors: none for what the database itself wrote.
"""

from typing import Any

import msgspec


def to_json(value: object) -> str:
    """Return what a jsonb parameter takes."""
    return msgspec.json.encode(value).decode()


def from_json(value: str | None) -> Any:
    """Return what a jsonb column holds."""
    return None if value is None else msgspec.json.decode(value)
