"""Terraform's form of the zone has the attributes that its provider documents, and says what the API is told.

Between: targets.terraform and the provider's documentation, of which this keeps what we use: for each block the
attributes it may have, with `!` after those it must have.
Shape: an attribute's type is a name of TYPES, or the name of the block that is inside it; `*` says many of them.
Known: `terraform validate` needs the provider's program from its registry, which is no package of ours.
Source: github.com/cloudflare/terraform-provider-cloudflare v5.22.0, docs/resources.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest

from audifi.targets.cloudflare import items
from audifi.targets.terraform import RESOURCES, render
from audifi.topology.declaration import platform

TYPES: Mapping[str, type | tuple[type, ...]] = {
    "text": str,
    "number": (int, float),
    "truth": bool,
    "texts": list,
    "map": dict,
    "any": object,
}
SCHEMA: Mapping[str, str] = {
    "cloudflare_list": "account_id text, kind! text, name! text, description text",
    "cloudflare_zone_setting": "zone_id text, setting_id! text, value! any",
    "cloudflare_bot_management": "zone_id! text, enable_js truth, optimize_wordpress truth, "
    "sbfm_definitely_automated text, sbfm_likely_automated text, sbfm_static_resource_protection truth, "
    "sbfm_verified_bots text",
    "cloudflare_load_balancer_monitor": "account_id text, allow_insecure truth, consecutive_down number, "
    "consecutive_up number, description text, expected_codes text, follow_redirects truth, header map, "
    "interval number, method text, path text, port number, retries number, timeout number, type text",
    "cloudflare_load_balancer_pool": "account_id text, description text, enabled truth, minimum_origins number, "
    "monitor text, name! text, origins! *origin",
    "origin": "address text, enabled truth, name text, weight number",
    "cloudflare_load_balancer": "zone_id text, default_pools! texts, description text, enabled truth, "
    "fallback_pool! text, name! text, proxied truth, region_pools map, session_affinity text, steering_policy text",
    "cloudflare_certificate_pack": "zone_id text, certificate_authority! text, hosts texts, type! text, "
    "validation_method! text, validity_days! number",
    "cloudflare_origin_ca_certificate": "csr! text, hostnames! texts, request_type! text, requested_validity number",
    "cloudflare_ruleset": "zone_id text, kind! text, name! text, phase! text, rules *rule, depends_on texts",
    "rule": "action! text, action_parameters parameters, description text, enabled truth, expression! text, "
    "logging logging, ratelimit ratelimit, ref text",
    "logging": "enabled truth",
    "ratelimit": "characteristics! texts, mitigation_timeout number, period! number, requests_per_period number",
    "parameters": "browser_ttl mode, cache truth, cache_key key, edge_ttl edge_ttl, from_value from_value, "
    "headers *header, id text, origin destination, overrides overrides, phases texts, products texts, "
    "response response, ruleset text, serve_stale stale, uri uri",
    "mode": "mode! text",
    "key": "cache_deception_armor truth, ignore_query_strings_order truth",
    "edge_ttl": "default number, mode! text, status_code_ttl *status",
    "status": "value! number, status_code_range range",
    "range": "from number, to number",
    "from_value": "preserve_query_string truth, status_code number, target_url! expression",
    "expression": "expression text",
    "header": "operation! text, value text",
    "destination": "port number",
    "overrides": "categories *category, rules *overridden",
    "category": "category! text, enabled truth",
    "overridden": "id! text, action text, enabled truth, score_threshold number",
    "response": "content! text, content_type! text, status_code! number",
    "stale": "disable_stale_while_updating truth",
    "uri": "path expression",
}


def schema(block: str) -> dict[str, tuple[bool, str]]:
    """{attribute: (must be there, type)}."""
    pairs = (each.split(" ") for each in SCHEMA[block].split(", "))
    return {name.rstrip("!"): (name.endswith("!"), kind) for name, kind in pairs}


def faults(block: str, body: Mapping[str, Any], path: str) -> Iterator[str]:
    known = schema(block)
    yield from (f"{path}: {name} is missing" for name, (needed, _) in known.items() if needed and name not in body)
    for name, value in body.items():
        if name not in known:
            yield f"{path}: there is no attribute {name}"
            continue
        kind = known[name][1]
        if kind in TYPES:
            if not isinstance(value, TYPES[kind]):
                yield f"{path}.{name}: {value!r} is no {kind}"
        elif kind.startswith("*"):
            inner: list[Any] = list(cast("dict[str, Any]", value).values() if isinstance(value, dict) else value)
            for place, each in enumerate(inner):
                yield from faults(kind[1:], each, f"{path}.{name}.{place}")
        else:
            yield from faults(kind, value, f"{path}.{name}")


def document() -> dict[str, Any]:
    (file,) = render(platform("production"))
    return json.loads(file.text)


def all_faults(found: dict[str, Any]) -> list[str]:
    return [
        fault
        for kind, resources in found["resource"].items()
        for name, body in resources.items()
        for fault in faults(kind, body, f"{kind}.{name}")
    ]


def test_every_resource_has_the_attributes_that_the_provider_documents() -> None:
    assert not all_faults(document())


def test_every_reference_leads_to_a_variable_or_a_resource() -> None:
    found = document()
    text = json.dumps(found["resource"])
    for reference in {each.partition("}")[0] for each in text.split("${")[1:]}:
        kind, name = reference.split(".")[:2]
        assert name in (found["variable"] if kind == "var" else found["resource"][kind]), reference


def test_nothing_that_is_planned_is_missing() -> None:
    found = document()["resource"]
    rules = sum(len(ruleset["rules"]) for ruleset in found["cloudflare_ruleset"].values())
    things = sum(len(found[kind]) for kind in RESOURCES.values())
    assert rules + things == len(items(platform("production")))


@pytest.mark.parametrize(
    ("attribute", "value", "words"),
    [
        ("expresion", "true", "there is no attribute expresion"),
        ("action", None, "action is missing"),
        ("enabled", "yes", "'yes' is no truth"),
        ("action_parameters", {"response": {"status_code": 404}}, "content is missing"),
    ],
)
def test_a_planted_fault_is_caught_by_name(attribute: str, value: object, words: str) -> None:
    found = document()
    rule = found["resource"]["cloudflare_ruleset"]["http_request_firewall_custom"]["rules"][1]
    rule.pop(attribute, None)
    rule.update({attribute: value} if value is not None else {})
    assert any(words in fault for fault in all_faults(found))
