"""Put the zone's records together as name servers know them: all values of one name and type are one set.

Between: topology.surface.dns_records and targets.dns.{octodns,zonefile}.
Shape: sets sorted by name, then type; the zone's own name is "".
Units: TTL in seconds.
Errors: ValueError where two records of a set disagree about their TTL (RFC 2181 section 5.2), and for what neither
octoDNS nor named-checkzone refuses: a CAA tag nobody knows (RFC 8659 section 4.1), a DMARC policy that is none
(RFC 7489 section 6.3), a name that is taken as relative.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from audifi.topology.model.edge import DnsRecord
from audifi.topology.model.whole import Topology


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordSet:
    """What a name server answers to one question."""

    name: str  # relative to the zone; "" is the zone itself
    type: str
    ttl_s: int
    records: tuple[DnsRecord, ...]

    @property
    def proxied(self) -> bool:
        """Whether the edge answers with its own addresses."""
        return any(record.proxied for record in self.records)

    @property
    def purpose(self) -> str:
        """What it is for, in one line."""
        return "; ".join(dict.fromkeys(record.purpose for record in self.records))


CAA_TAGS: Final = ("issue", "issuewild", "iodef")
DMARC_POLICIES: Final = ("none", "quarantine", "reject")


def sets(topology: Topology) -> tuple[RecordSet, ...]:
    """The zone's record sets."""
    found: dict[tuple[str, str], list[DnsRecord]] = defaultdict(list)
    for record in topology.surface.dns_records:
        _refuse(record)
        found["" if record.name == "@" else record.name, record.type].append(record)
    return tuple(_set(name, type_, records) for (name, type_), records in sorted(found.items()))


def _set(name: str, type_: str, records: list[DnsRecord]) -> RecordSet:
    lives = {record.ttl_s for record in records}
    if len(lives) > 1:
        raise ValueError(f"{name or '@'} {type_} has TTLs {sorted(lives)}: give its records one (topology/zone.py)")
    return RecordSet(name=name, type=type_, ttl_s=lives.pop(), records=tuple(records))


def _refuse(record: DnsRecord) -> None:
    """Raise for what every checker lets pass."""
    where = f"{record.name} {record.type} (topology/zone.py)"
    if record.type == "CAA" and record.value.split(" ", 2)[1] not in CAA_TAGS:
        raise ValueError(f"{where}: {record.value!r} has a tag that issuers ignore; known are {', '.join(CAA_TAGS)}")
    if record.type in {"CNAME", "MX"} and not record.value.endswith("."):
        raise ValueError(f"{where}: {record.value!r} would lie in our zone; a name elsewhere ends with a dot")
    policy = re.match(r"v=DMARC1;.*?\bp=([^;\s]*)", record.value)
    if policy and policy[1] not in DMARC_POLICIES:
        raise ValueError(f"{where}: p={policy[1]} is no policy; there are {', '.join(DMARC_POLICIES)}")


def sources(topology: Topology) -> tuple[str, ...]:
    """What the zone comes from."""
    return ("Dns", *(f"record {record.name}" for record in topology.surface.dns_records))
