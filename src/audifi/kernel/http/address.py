"""Find out which address a request came from, believing only proxies we know.

Between: kernel.http.pipeline and X-Forwarded-For.
The header is read from the right: each proxy appends the peer it saw, so the first address that is not one of our
networks is the client; everything further left is hearsay.
Invariant: a peer outside TRUSTED_PROXY_NETWORKS is the client, whatever it claims.
Errors: ValueError at start for a network that is none.
Source: domain.md 5.5; RFC 7239 section 8.1.
"""

import functools
import ipaddress
from collections.abc import Callable

_REMEMBERED = 8192


def client_address(trusted: tuple[str, ...]) -> Callable[[str, str], str]:
    """Return a function from (peer, X-Forwarded-For) to the client's address."""
    networks = tuple(ipaddress.ip_network(network) for network in trusted)

    @functools.lru_cache(_REMEMBERED)
    def address(peer: str, forwarded: str) -> str:
        last = peer
        for hop in [peer, *reversed(forwarded.split(","))] if forwarded else [peer]:
            parsed = _parsed(hop)
            if parsed is None:
                return last
            last = str(parsed)
            if not any(parsed in network for network in networks):
                return last
        return last

    return address


@functools.lru_cache(_REMEMBERED)
def limited_as(address: str) -> str:
    """Return what limits count an address as: an IPv6 customer holds a whole /64, so that is one client."""
    parsed = _parsed(address)
    if parsed is None or parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, ipaddress.IPv6Address) else parsed
