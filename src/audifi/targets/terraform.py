"""Render Cloudflare's zone for teams that plan with Terraform: the same items, as resources of its provider.

    setting → cloudflare_zone_setting    rules of a phase → cloudflare_ruleset    pool → cloudflare_load_balancer_pool

Between: targets.cloudflare.items (what there is), a team's own `terraform plan`.
Shape: one cloudflare.tf.json. What is known only when the place exists is a variable; what refers to another thing is a
reference to its resource.
Known: version 5 of the provider loses the state of rulesets now and then (docs/decisions/0033): `audifi plan` is the
way that is proven here; this one is checked against the provider's documentation and was never applied.
Invariant: nothing that `audifi plan` wants is missing here, and nothing is here that it does not want.
Errors: KeyError for a kind of item that has no resource.
Source: github.com/cloudflare/terraform-provider-cloudflare v5.22.0, docs/resources.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from audifi.targets.cloudflare import PHASES, items, owns, rules
from audifi.targets.cloudflare.items import OF_PHASE
from audifi.targets.files import GENERATED, File, json_file, with_texts
from audifi.targets.plan import PLACE, REFERENCE, Item
from audifi.topology.model.whole import Topology

RESOURCES: Final[Mapping[str, str]] = {
    "list": "cloudflare_list",
    "setting": "cloudflare_zone_setting",
    "bots": "cloudflare_bot_management",
    "monitor": "cloudflare_load_balancer_monitor",
    "pool": "cloudflare_load_balancer_pool",
    "balancer": "cloudflare_load_balancer",
    "edge certificate": "cloudflare_certificate_pack",
    "origin certificate": "cloudflare_origin_ca_certificate",
}
OF_THE_ACCOUNT: Final = frozenset({"list", "monitor", "pool"})
OF_NEITHER: Final = frozenset({"origin certificate"})  # it is for names, wherever they are
RULESET: Final = "cloudflare_ruleset"


def render(topology: Topology) -> tuple[File, ...]:
    """The one file."""
    if not owns(topology):
        return ()
    everything = [item for item in items(topology) if item.kind != "rule"]
    resources: dict[str, dict[str, Any]] = {name: {} for name in (*RESOURCES.values(), RULESET)}
    for item in everything:
        resources[RESOURCES[item.kind]][_label(item.name)] = _resource(item)
    for phase in PHASES:
        resources[RULESET][phase] = _ruleset(topology, phase)
    sources = ("Cdn", "Tls", "Steering", "Region", "WafRule", "CacheRule", "RateLimit", "Header", *OF_PHASE_SOURCES)
    document = {
        "//": f"{GENERATED}; source: topology/surface.py, topology/cdn.py",
        "terraform": {
            "required_providers": {
                "cloudflare": {"source": "cloudflare/cloudflare", "version": topology.surface.cdn.terraform_version}
            }
        },
        "variable": _variables(everything),
        "resource": resources,
    }
    return (json_file("cloudflare.tf.json", document, sources),)


OF_PHASE_SOURCES: Final = tuple(dict.fromkeys(source for named in OF_PHASE.values() for source in named))


def _resource(item: Item) -> dict[str, Any]:
    body = cast("dict[str, Any]", _with_references(dict(item.body)))
    if item.kind == "setting":
        body = {"setting_id": item.name, **body}
    if item.kind in OF_NEITHER:
        return body
    return {_owner(item.kind): f"${{var.{_owner(item.kind)}}}", **body}


def _ruleset(topology: Topology, phase: str) -> dict[str, Any]:
    named = [rule["expression"] for rule in rules(topology, phase) if "$" in rule["expression"]]
    needed = [f"{RESOURCES['list']}.{topology.surface.cdn.admin_list}"] if named else []
    return {
        "zone_id": "${var.zone_id}",
        "name": "default",
        "kind": "zone",
        "phase": phase,
        "rules": rules(topology, phase),
        **({"depends_on": needed} if needed else {}),
    }


def _owner(kind: str) -> str:
    return "account_id" if kind in OF_THE_ACCOUNT else "zone_id"


def _variables(everything: Iterable[Item]) -> dict[str, Any]:
    names = {name: None for item in everything for text in _texts(dict(item.body)) for name in PLACE.findall(text)}
    of_the_place = {_label(name): {"type": "string", "description": name} for name in names}
    identifiers = {
        name: {"type": "string", "description": f"Cloudflare's {name}"} for name in ("account_id", "zone_id")
    }
    return identifiers | of_the_place


def _with_references(value: object) -> Any:
    def put(text: str) -> str:
        if found := REFERENCE.fullmatch(text):
            return f"${{{RESOURCES[found[1]]}.{_label(found[2])}.id}}"
        if found := PLACE.fullmatch(text):
            return f"${{var.{_label(found[1])}}}"
        return text.replace("${", "$${")

    return with_texts(value, put)


def _texts(value: object) -> list[str]:
    found: list[str] = []

    def see(text: str) -> str:
        found.append(text)
        return text

    with_texts(value, see)
    return found


def _label(name: str) -> str:
    """A name as Terraform allows it."""
    label = re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")
    return label if label[:1].isalpha() else f"_{label}"
