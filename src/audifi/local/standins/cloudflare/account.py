"""Hold what exists in the account: zones with their records, settings and rulesets; lists, monitors and pools.

Between: the modules that judge requests (change it) and the server (finds a zone by its id).
Shape: every kind is {id: item}; items are what the API shows, plain JSON.
Invariant: ids are 32 hexadecimal digits and unique; lists are in the order of creation.
Errors: `zone` refuses an id that does not exist, as the API does (404, 7003).
Source: developers.cloudflare.com/api/ (zones, accounts).
"""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime

from audifi.local.standins.cloudflare.answers import Refused, type_of_item

NAME_SERVERS = ["ada.ns.cloudflare.com", "lee.ns.cloudflare.com"]

type_of_items = dict[str, type_of_item]


def now() -> str:
    """The time as the API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass
class Zone:
    """One zone and what hangs on it."""

    id: str
    name: str
    records: type_of_items = field(default_factory=dict[str, type_of_item])
    settings: dict[str, object] = field(default_factory=dict[str, object])
    bots: type_of_item = field(default_factory=dict[str, object])
    rulesets: type_of_items = field(default_factory=dict[str, type_of_item])  # by phase
    edge_certificates: type_of_items = field(default_factory=dict[str, type_of_item])
    balancers: type_of_items = field(default_factory=dict[str, type_of_item])


class Account:
    """Everything one token may see."""

    def __init__(self, name: str = "AudiFi") -> None:
        self._numbers = itertools.count(1)
        self.id = self.new_id()
        self.name = name
        self.zones: dict[str, Zone] = {}
        self.lists: type_of_items = {}
        self.list_items: dict[str, type_of_items] = {}
        self.monitors: type_of_items = {}
        self.pools: type_of_items = {}
        self.certificates: type_of_items = {}

    def new_id(self) -> str:
        return f"{next(self._numbers):032x}"

    def add_zone(self, name: str) -> Zone:
        if any(zone.name == name for zone in self.zones.values()):
            raise Refused(400, 1061, f"{name} already exists")
        zone = Zone(self.new_id(), name)
        self.zones[zone.id] = zone
        return zone

    def zone(self, identifier: str) -> Zone:
        if identifier not in self.zones:
            raise Refused(
                404, 7003, f"Could not route to /zones/{identifier}, perhaps your object identifier is invalid?"
            )
        return self.zones[identifier]

    def shown(self, zone: Zone) -> type_of_item:
        return {
            "id": zone.id,
            "name": zone.name,
            "status": "active",
            "paused": False,
            "type": "full",
            "name_servers": NAME_SERVERS,
            "account": {"id": self.id, "name": self.name},
            "plan": {"id": "0" * 32, "name": "Business Website", "legacy_id": "business"},
        }
