"""Write the zone as a zone file, which every name server and provider reads.

Between: targets.dns.records and named-checkzone, name servers, a provider's import.
Shape: one record a line; names relative to $ORIGIN; the purpose as a comment above its set.
Units: TTL and SOA timers in seconds.
Invariant: the serial is 1: the provider counts its own, and two renders must be equal.
Errors: none.
Source: RFC 1035 section 5 (format), 3.3.13 (SOA); RFC 8659 section 4 (CAA); timers: what Cloudflare answers for a zone.
"""

from collections.abc import Iterator
from typing import Final

from audifi.targets.dns.records import RecordSet, sets, sources
from audifi.targets.files import File, header
from audifi.topology.model.edge import DnsRecord
from audifi.topology.model.whole import Topology

REFRESH_S: Final = 10_000
RETRY_S: Final = 2_400
EXPIRE_S: Final = 604_800
NEGATIVE_S: Final = 1_800
DELEGATION_S: Final = 86_400
STRING_BYTES_MAX: Final = 255  # RFC 1035 section 3.3: a character-string


def render(topology: Topology) -> File:
    """<zone>.zone."""
    named = sources(topology)
    text = header(named, ";") + "\n".join(_lines(topology)) + "\n"
    return File(path=f"{topology.surface.dns.zone}zone", text=text, sources=named)


def _lines(topology: Topology) -> Iterator[str]:
    dns = topology.surface.dns
    yield f"$ORIGIN {dns.zone}"
    timers = f"1 {REFRESH_S} {RETRY_S} {EXPIRE_S} {NEGATIVE_S}"
    yield f"@ {DELEGATION_S} IN SOA {dns.name_servers[0]} {dns.contact} {timers}"
    for server in dns.name_servers:
        yield f"@ {DELEGATION_S} IN NS {server}"
    for found in sets(topology):
        yield f"; {found.purpose}{' (the edge answers in its place)' if found.proxied else ''}"
        yield from _set(found)


def _set(found: RecordSet) -> Iterator[str]:
    for record in found.records:
        yield f"{found.name or '@'} {found.ttl_s} IN {found.type} {_value(record)}"


def _value(record: DnsRecord) -> str:
    match record.type:
        case "TXT":
            parts = [record.value[at : at + STRING_BYTES_MAX] for at in range(0, len(record.value), STRING_BYTES_MAX)]
            return " ".join(f'"{part}"' for part in parts)
        case "MX":
            return f"{record.priority} {record.value}"
        case _:
            return record.value
