"""Fill in what is known only when a place exists: addresses of load balancers, name servers, a mail provider's key.

Between: topology.zone (writes such a value in angle brackets), targets.dns (writes a placeholder), applying.dns
(refuses one), cli (reads the user's file).
Shape: `<load balancer>` in the declaration is `{"load balancer": "203.0.113.7"}` in the user's file.
Invariant: a placeholder cannot be mistaken for an address that somebody has: RFC 5737's network for documentation, and
RFC 2606's top-level name that never resolves.
Errors: KeyError for a name that the declaration does not have, with those it has.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from audifi.topology.model.whole import Topology

_UNKNOWN: Final = re.compile(r"<(.+)>")
_NETWORK: Final = "192.0.2"  # RFC 5737 section 3, TEST-NET-1
_NEVER: Final = "invalid"  # RFC 2606 section 2


def unknown(topology: Topology) -> tuple[str, ...]:
    """What nobody has filled in yet, in the order of the declaration."""
    values = [*topology.surface.dns.name_servers, *(record.value for record in topology.surface.dns_records)]
    return tuple(dict.fromkeys(found[1] for value in values if (found := _UNKNOWN.fullmatch(value))))


def filled(topology: Topology, places: Mapping[str, str]) -> Topology:
    """The topology with what the user knows."""
    known = unknown(topology)
    if strange := sorted(set(places) - set(known)):
        raise KeyError(f"no record waits for {', '.join(strange)}; they wait for {', '.join(known) or 'nothing'}")
    put = {f"<{name}>": value for name, value in places.items()}
    surface = topology.surface
    servers = tuple(put.get(server, server) for server in surface.dns.name_servers)
    records = tuple(replace(record, value=put.get(record.value, record.value)) for record in surface.dns_records)
    dns = replace(surface.dns, name_servers=servers)
    return replace(topology, surface=replace(surface, dns=dns, dns_records=records))


def with_placeholders(topology: Topology) -> Topology:
    """The topology with something of the right form in every place that is still unknown."""
    return filled(topology, placeholders(topology))


def placeholders(topology: Topology) -> Mapping[str, str]:
    """What stands for each unknown place where a form is needed."""
    addresses = [r.value for r in topology.surface.dns_records if r.type == "A" and _UNKNOWN.fullmatch(r.value)]
    numbered = {value: number for number, value in enumerate(dict.fromkeys(addresses), start=1)}
    return {name: _placeholder(name, numbered.get(f"<{name}>")) for name in unknown(topology)}


def _placeholder(name: str, number: int | None) -> str:
    return f"{name.replace(' ', '-')}.{_NEVER}." if number is None else f"{_NETWORK}.{number}"
