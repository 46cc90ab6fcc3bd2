"""Everything that is rendered for Cloudflare is what its API takes, and a fault planted in it is found.

Between: rendered items and the official SDK's types, made strict; what actions need; the Rules language.
Invariant: each fault is caught by name: a check that cannot fail is no check.
"""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from tests.agreement.cloudflare.judging import faults, references

from audifi.targets.cloudflare import items
from audifi.targets.plan import Item
from audifi.topology.declaration import platform

PRODUCTION = platform("production")
ITEMS = {f"{item.kind} {item.name}": item for item in items(PRODUCTION)}
CUSTOM = "rule http_request_firewall_custom/"
LIMIT = "rule http_ratelimit/ip"
CACHE = "rule http_request_cache_settings/api"
POOL = "pool audifi-production-api-us-east-1"
MONITOR = "monitor audifi-production-api"
HEADERS = "rule http_response_headers_transform/security"


@pytest.mark.parametrize("name", ITEMS)
def test_the_api_takes_it(name: str) -> None:
    assert not faults(ITEMS[name], PRODUCTION)


def test_every_reference_leads_to_something_that_is_rendered() -> None:
    there = {item.key for item in ITEMS.values()}
    found = set(references(PRODUCTION))
    assert found, "pools refer to monitors"
    assert found <= there


def put(*path: str | int, value: object) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        inner: Any = body
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value

    return change


def drop(*path: str | int) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        inner: Any = body
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]

    return change


FAULTS = [
    (f"{CUSTOM}hidden", put("action", value="blok"), "action 'blok' is not allowed"),
    (f"{CUSTOM}hidden", put("enabled", value="yes"), "enabled: Input should be a valid boolean"),
    (f"{CUSTOM}hidden", put("expresion", value="true"), "expresion: Extra inputs are not permitted"),
    (f"{CUSTOM}hidden", drop("expression"), "expression is missing"),
    (f"{CUSTOM}hidden", put("expression", value='http.hots eq "a"'), "unknown field 'http.hots'"),
    (f"{CUSTOM}hidden", put("expression", value='(http.host eq "a"'), "it ends too early"),
    (f"{CUSTOM}hidden", put("expression", value='http.host matches r"("'), "pattern '('"),
    (f"{CUSTOM}hidden", put("expression", value='http.request.body.raw eq "a"'), "unknown field"),
    (f"{CUSTOM}admin-network", put("expression", value="ip.src in $nobody"), "list $nobody does not exist"),
    (f"{CUSTOM}hidden", put("action_parameters", "response", "status_code", value="404"), "status_code"),
    (f"{CUSTOM}acme-pass", drop("action_parameters"), "action skip needs it"),
    (LIMIT, drop("ratelimit", "period"), "ratelimit.period"),
    (LIMIT, put("ratelimit", "period", value=3600), "period 3600 is not entitled"),
    (LIMIT, put("ratelimit", "characteristics", value=["ip.src"]), "characteristics must be"),
    (CACHE, put("action_parameters", "edge_ttl", "mode", value="override"), "edge_ttl.mode"),
    (HEADERS, put("action_parameters", "headers", "X-Frame-Options", "operation", value="put"), "operation"),
    (POOL, put("orgins", value=[]), "orgins: Extra inputs are not permitted"),
    (POOL, put("origins", value=[]), "at least one is required"),
    (POOL, put("name", value="audifi api"), "may have letters, digits"),
    (MONITOR, put("interval", value=10), "at least 15 s"),
    (MONITOR, put("timeout", value=20), "longer than timeout"),
    (MONITOR, put("type", value="httpz"), "type: Input should be"),
    ("balancer api.audifi.io", put("steering_policy", value="latency"), "steering_policy: Input should be"),
    ("balancer api.audifi.io", put("default_pools", value=["<pool:gone>"]), "pools do not exist"),
    ("setting ssl", put("value", value="full-strict"), "'full-strict' is not one of"),
    ("setting ciphers", put("value", value=["RC4-SHA"]), "RC4-SHA is not known"),
    ("bots bots", put("sbfm_likely_automated", value="challenge"), "sbfm_likely_automated"),
    ("edge certificate edge of audifi.io", put("hosts", value=["*.audifi.io"]), "must contain the zone's own name"),
    ("edge certificate edge of audifi.io", put("validity_days", value=60), "validity_days: Input should be"),
    ("list audifi_admin_networks", put("kind", value="cidr"), "kind: Input should be"),
]


@pytest.mark.parametrize(("name", "plant", "words"), FAULTS)
def test_a_planted_fault_is_caught_by_name(name: str, plant: Callable[[dict[str, Any]], None], words: str) -> None:
    """Taught by validators that were thought to look inside, and looked at the outermost braces."""
    item = ITEMS[name]
    body = copy.deepcopy(dict(item.body))
    plant(body)
    found = faults(Item(kind=item.kind, name=item.name, body=body), PRODUCTION)
    assert any(words in fault for fault in found), f"{words!r} is not in {found}"
