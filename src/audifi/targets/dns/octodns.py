"""Write the zone for octoDNS: its records, and which names of the provider's zone it may touch.

Between: targets.dns.records and octoDNS (YamlProvider → CloudflareProvider).
Shape: config.yaml is read from its own folder: `cd rendered/production/dns && octodns-sync --config-file config.yaml`.
Units: TTL in seconds.
Invariant: the token is named (`env/…`), never written.
Errors: ValueError for a type of record nobody wrote here.
Source: https://octodns.readthedocs.io (processors, plan thresholds); octodns-cloudflare README (proxied, comment).
"""

from collections.abc import Mapping
from typing import Any, Final

from audifi.targets.dns.records import RecordSet, sets, sources
from audifi.targets.files import File, yaml_file
from audifi.topology.model.edge import Dns, DnsRecord
from audifi.topology.model.whole import Topology

TOKEN: Final = "CLOUDFLARE_API_TOKEN"  # noqa: S105  # the variable's name; octoDNS reads it
ZONES: Final = "zones"
SHARE_MAX: Final = 0.3  # octoDNS' own ceiling: of what it manages, at most so much deleted or changed unless forced
COMMENT_LENGTH_MAX: Final = 100  # of a record at Cloudflare, on the plan that allows least
RULES: Final = ("strict", "best-practice")  # what octoDNS holds records and the zone against
_FILTERS: Final = "octodns.processor.filter"


def render(topology: Topology) -> tuple[File, ...]:
    """config.yaml and the zone's file."""
    named = sources(topology)
    zone = topology.surface.dns.zone
    return (
        yaml_file("config.yaml", (configuration(topology.surface.dns),), ("Dns",)),
        yaml_file(f"{ZONES}/{zone}yaml", (records(topology),), named),
    )


def configuration(dns: Dns) -> dict[str, Any]:
    """Where records come from, where they go, and whose names are left alone."""
    filters = _filters(dns)
    return {
        "manager": {"max_workers": 1, "enable_checksum": True, "validators": {"enabled": list(RULES)}},
        "processors": filters,
        "providers": {
            ZONES: {
                "class": "octodns.provider.yaml.YamlProvider",
                "directory": f"./{ZONES}",
                "enforce_order": False,  # type, ttl, value is how people read a record
                "escaped_semicolons": False,
            },
            "cloudflare": {
                "class": "octodns_cloudflare.CloudflareProvider",
                "token": f"env/{TOKEN}",
                "pagerules": False,
                "update_pcent_threshold": SHARE_MAX,
                "delete_pcent_threshold": SHARE_MAX,
            },
        },
        "zones": {dns.zone: {"sources": [ZONES], "processors": list(filters), "targets": ["cloudflare"]}},
    }


def _filters(dns: Dns) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if dns.own_names:
        written["own-names"] = {"class": f"{_FILTERS}.NameAllowlistFilter", "allowlist": list(dns.own_names)}
    if dns.foreign_names:
        written["foreign-names"] = {"class": f"{_FILTERS}.NameRejectlistFilter", "rejectlist": list(dns.foreign_names)}
    return written


def records(topology: Topology) -> dict[str, Any]:
    """The zone: name → its record sets."""
    written: dict[str, list[dict[str, Any]]] = {}
    for found in sets(topology):
        written.setdefault(found.name, []).append(_written(found))
    return written


def _written(found: RecordSet) -> dict[str, Any]:
    at_cloudflare: dict[str, Any] = {"proxied": True, "auto-ttl": True} if found.proxied else {}
    if len(found.purpose) <= COMMENT_LENGTH_MAX:
        at_cloudflare["comment"] = found.purpose
    values = [_value(record) for record in found.records]
    key: Mapping[str, Any] = {"value": values[0]} if len(values) == 1 else {"values": values}
    extra = {"octodns": {"cloudflare": at_cloudflare}} if at_cloudflare else {}
    return {"type": found.type, "ttl": found.ttl_s, **key, **extra}


def _value(record: DnsRecord) -> Any:
    match record.type:
        case "A" | "AAAA" | "CNAME" | "TXT":
            return record.value
        case "MX":
            return {"preference": record.priority, "exchange": record.value}
        case "CAA":
            flags, tag, value = record.value.split(" ", 2)
            return {"flags": int(flags), "tag": tag, "value": value.strip('"')}
        case _:
            raise ValueError(f"{record.name} {record.type}: octodns.py does not know that type; add it to _value")
