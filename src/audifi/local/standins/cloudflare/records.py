"""Judge DNS records as Cloudflare does: what a type must carry, and what may not stand beside what.

Between: server (routes of /zones/{zone}/dns_records) and octoDNS, which writes them.
Shape: a record is {name, type, content, ttl, proxied, priority?, data?}; MX has `priority`, CAA has `data`.
Units: ttl in seconds; 1 means automatic, which is what a proxied record always has.
Invariant: a CNAME stands alone at its name, but for the apex, where Cloudflare flattens it.
Errors: Refused 400 with the codes that Cloudflare gives (1004, 9005, 9007, 81053, 81057).
Source: developers.cloudflare.com/api/ (dns/records); RFC 1034 3.6.2; RFC 8659 4.
"""

import ipaddress
from typing import Final, cast

from audifi.local.standins.cloudflare.account import Zone
from audifi.local.standins.cloudflare.answers import Refused, type_of_item

TYPES: Final = frozenset({"A", "AAAA", "CAA", "CNAME", "HTTPS", "MX", "NS", "PTR", "SRV", "SSHFP", "TLSA", "TXT"})
PROXIABLE: Final = frozenset({"A", "AAAA", "CNAME"})
CAA_TAGS: Final = frozenset({"issue", "issuewild", "iodef"})
AUTOMATIC: Final = 1
TTL_MIN_S, TTL_MAX_S = 60, 86_400
FIELDS: Final = frozenset(
    {"name", "type", "content", "ttl", "proxied", "priority", "data", "comment", "tags", "settings"}
)
OWN: Final = frozenset({"id", "zone_id", "zone_name", "created_on", "modified_on", "proxiable", "meta"})


def judged(zone: Zone, body: type_of_item, identifier: str) -> type_of_item:
    """The record that this body makes."""
    record = {key: value for key, value in body.items() if key not in OWN}
    if unknown := set(record) - FIELDS:
        raise Refused(400, 1004, f"DNS Validation Error: unknown field {', '.join(sorted(unknown))}")
    kind = str(record.get("type", ""))
    if kind not in TYPES:
        raise Refused(400, 1004, f"DNS Validation Error: type {kind!r} is invalid")
    record["name"] = _full_name(zone, str(record.get("name", "")))
    record["content"] = _content(record)
    record["proxied"] = bool(record.get("proxied", False))
    if record["proxied"] and kind not in PROXIABLE:
        raise Refused(400, 9004, f"This record type cannot be proxied: {kind}")
    record["ttl"] = _ttl_s(record)
    _alone(zone, record, identifier)
    return {**record, "zone_id": zone.id, "zone_name": zone.name, "proxiable": kind in PROXIABLE}


def _full_name(zone: Zone, name: str) -> str:
    name = name.rstrip(".").lower()
    if name in {"", "@", zone.name}:
        return zone.name
    return name if name.endswith(f".{zone.name}") else f"{name}.{zone.name}"


def _ttl_s(record: type_of_item) -> int:
    ttl = record.get("ttl", AUTOMATIC)
    if not isinstance(ttl, int) or not (ttl == AUTOMATIC or TTL_MIN_S <= ttl <= TTL_MAX_S):
        raise Refused(
            400, 9021, f"Invalid TTL {ttl!r}. Must be {TTL_MIN_S} to {TTL_MAX_S} seconds, or 1 for automatic."
        )
    return AUTOMATIC if record["proxied"] else ttl


def _content(record: type_of_item) -> str:
    """What the record says; Cloudflare shows host names without the last dot, and CAA in words."""
    content = str(record.get("content") or "")
    match record["type"]:
        case "A" | "AAAA":
            return _address(record["type"], content)
        case "CAA":
            return _caa(record.get("data"))
        case "MX":
            priority = record.get("priority")
            if not isinstance(priority, int) or isinstance(priority, bool) or not 0 <= priority <= 65_535:
                raise Refused(400, 9101, "priority is a required field of MX: 0 to 65535")
            return _host(content)
        case "CNAME" | "NS" | "PTR":
            return _host(content)
        case "TXT":
            return _text(content)
        case _:
            if not content and not record.get("data"):
                raise Refused(400, 9005, "Content for this record is invalid: it is empty")
            return content


def _address(kind: str, content: str) -> str:
    try:
        found = ipaddress.ip_address(content)
    except ValueError:
        found = None
    if found is None or found.version != (4 if kind == "A" else 6):
        raise Refused(400, 9005, f"Content for {kind} record must be a valid IP address, not {content!r}")
    return str(found)


def _caa(given: object) -> str:
    data = cast("type_of_item", given) if isinstance(given, dict) else {}
    if set(data) != {"flags", "tag", "value"} or data["tag"] not in CAA_TAGS:
        raise Refused(
            400, 9005, f"data of CAA must be flags, value and a tag of {', '.join(sorted(CAA_TAGS))}: {given!r}"
        )
    return f'{data["flags"]} {data["tag"]} "{data["value"]}"'


def _host(content: str) -> str:
    host = content.removesuffix(".")
    labels = host.split(".")
    if not host or any(not label or len(label) > 63 or " " in label for label in labels):
        raise Refused(400, 9007, f"Content for this record must be a hostname, not {content!r}")
    return host


def _text(content: str) -> str:
    if not content:
        raise Refused(400, 9005, "Content for TXT record must not be empty")
    return content


def _alone(zone: Zone, record: type_of_item, identifier: str) -> None:
    for number, other in zone.records.items():
        if number == identifier or other["name"] != record["name"]:
            continue
        if (other["type"], other["content"]) == (record["type"], record["content"]):
            raise Refused(400, 81_057, "The record already exists.")
        if "CNAME" in {other["type"], record["type"]} and record["name"] != zone.name:
            raise Refused(400, 81_053, "An A, AAAA, or CNAME record with that host already exists.")
