"""Judge lists, monitors, pools, load balancers, edge certificates and bot settings, and what refers to what.

Between: server (routes), collection (verbs), bodies (the SDK's types).
Invariant: a reference leads to something that exists, and what is referred to cannot be deleted.
Errors: Refused 400 with the codes that Cloudflare gives (1002 validation, 1005 in use, 1010 certificate request).
Source: developers.cloudflare.com/api/ (load_balancers, rules/lists, origin_ca_certificates, bot_management).
"""

import itertools
import re
from collections.abc import Iterable
from typing import Any, Final, cast

from audifi.local.standins.cloudflare import bodies
from audifi.local.standins.cloudflare.account import Account, Zone
from audifi.local.standins.cloudflare.answers import Refused, type_of_item
from audifi.local.standins.cloudflare.collection import OWN_FIELDS

BOTS: Final = "bot_management.super_bot_fight_mode_likely_configuration_param.SuperBotFightModeLikelyConfigurationParam"
BALANCER: Final = "load_balancers.load_balancer_create_params.LoadBalancerCreateParams"
MONITOR: Final = "load_balancers.monitor_create_params.MonitorCreateParams"
POOL: Final = "load_balancers.pool_create_params.PoolCreateParams"
PACK: Final = "ssl.certificate_pack_create_params.CertificatePackCreateParams"
LIST: Final = "rules.list_create_params.ListCreateParams"
INTERVAL_S_MIN: Final = 15  # Business
NAME: Final = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
LIST_NAME: Final = re.compile(r"^[a-z0-9_]{1,50}$")


def monitor(body: type_of_item) -> type_of_item:
    item = _without_own(body)
    bodies.judge(MONITOR, item)
    if item.get("interval", 60) < INTERVAL_S_MIN:
        raise Refused(400, 1002, f"interval: must be at least {INTERVAL_S_MIN} s on this plan")
    if item.get("timeout", 5) * (item.get("retries", 2) + 1) >= item.get("interval", 60):
        raise Refused(400, 1002, "interval: must be longer than timeout * (retries + 1)")
    return item


def pool(account: Account, body: type_of_item) -> type_of_item:
    item = _without_own(body)
    bodies.judge(POOL, item)
    if not NAME.match(item["name"]):
        raise Refused(400, 1002, f"name: {item['name']!r} may have letters, digits, - and _")
    if not item["origins"]:
        raise Refused(400, 1002, "origins: at least one is required")
    if (wanted := item.get("monitor")) and wanted not in account.monitors:
        raise Refused(400, 1002, f"monitor: {wanted} does not exist")
    return item


def balancer(account: Account, zone: Zone, body: type_of_item) -> type_of_item:
    item = _without_own(body)
    bodies.judge(BALANCER, item)
    if item["name"] != zone.name and not item["name"].endswith(f".{zone.name}"):
        raise Refused(400, 1002, f"name: {item['name']} is not in the zone {zone.name}")
    if missing := [each for each in _pools_of(item) if each not in account.pools]:
        raise Refused(400, 1002, f"pools do not exist: {', '.join(missing)}")
    if item.get("proxied") and "ttl" in item:
        raise Refused(400, 1002, "ttl: cannot be set on a proxied load balancer")
    return item


def monitor_may_go(account: Account, item: type_of_item) -> None:
    _unused(item["id"], [each["name"] for each in account.pools.values() if each.get("monitor") == item["id"]])


def pool_may_go(account: Account, item: type_of_item) -> None:
    balancers = itertools.chain.from_iterable(zone.balancers.values() for zone in account.zones.values())
    _unused(item["id"], [each["name"] for each in balancers if item["id"] in set(_pools_of(each))])


def address_list(account: Account, body: type_of_item, identifier: str) -> type_of_item:
    item = {
        key: value for key, value in _without_own(body).items() if key not in {"num_items", "num_referencing_filters"}
    }
    bodies.judge(LIST, item)
    if not LIST_NAME.match(item["name"]):
        raise Refused(400, 10_044, f"list names may have lower-case letters, digits and _: {item['name']!r}")
    if any(each["name"] == item["name"] and each["id"] != identifier for each in account.lists.values()):
        raise Refused(400, 10_043, f"list {item['name']} exists already")
    return {**item, "num_items": 0, "num_referencing_filters": 0}


def edge_certificate(zone: Zone, body: type_of_item) -> type_of_item:
    bodies.judge(PACK, body)
    if zone.name not in body["hosts"]:
        raise Refused(400, 1434, f"hosts must contain the zone's own name, {zone.name}")
    return {**body, "status": "active", "certificates": []}


def bots(zone: Zone, body: type_of_item) -> type_of_item:
    bodies.judge(BOTS, body)
    zone.bots.update(body)
    return zone.bots


def _pools_of(item: type_of_item) -> Iterable[str]:
    yield from item["default_pools"]
    yield item["fallback_pool"]
    for pools in cast("dict[str, Any]", item.get("region_pools") or {}).values():
        yield from pools


def _unused(identifier: str, users: list[str]) -> None:
    if users:
        raise Refused(400, 1005, f"{identifier} is in use by {', '.join(users)}")


def _without_own(body: type_of_item) -> type_of_item:
    return {key: value for key, value in body.items() if key not in OWN_FIELDS}
