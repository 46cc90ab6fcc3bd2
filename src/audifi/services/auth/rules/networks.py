"""Compare and coarsen IP addresses: enough to notice a stranger, too little to follow a person.

Between: routes.login (risk signal), store.audit (what the 7-year log may keep).
Invariant: a missing or malformed address is never "the same network".
Errors: never raises.
Source: domain.md 4 ("similarity": same /24 or /48; a signal, not a block).
"""

from ipaddress import ip_address, ip_network
from typing import Final

IPV4_PREFIX: Final = 24
IPV6_PREFIX: Final = 48


def network(address: str | None) -> str | None:
    """Return the /24 or /48 around an address."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return None
    prefix = IPV4_PREFIX if parsed.version == 4 else IPV6_PREFIX
    return str(ip_network((parsed, prefix), strict=False))


def is_same_network(one: str | None, other: str | None) -> bool:
    """Say whether two addresses are close enough to be one household."""
    first = network(one)
    return first is not None and first == network(other)


def valid_address(address: str | None) -> str | None:
    """Return the address if Postgres' inet takes it, else nothing: a strange peer name must not fail a request."""
    try:
        return str(ip_address(address or ""))
    except ValueError:
        return None
