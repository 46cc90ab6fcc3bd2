"""Read ids back that we once wrote into Stripe's metadata: what is none is nobody's.

Between: sagas.money, sagas.subscribing, sagas.applying.
Errors: never raises.
"""

from collections.abc import Mapping
from uuid import UUID


def named(metadata: Mapping[str, str] | None, name: str) -> str | None:
    """Return the id kept under this name, if it is one."""
    try:
        return str(UUID((metadata or {}).get(name, "")))
    except ValueError:
        return None
