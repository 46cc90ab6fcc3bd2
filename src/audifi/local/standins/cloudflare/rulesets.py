"""Judge and keep the rules of a zone: one entry point per phase, replaced as a whole.

Between: server (routes of /zones/{zone}/rulesets), bodies (the SDK's types), expressions (the Rules language).
Shape: GET answers what was put, with ids, versions and times that Cloudflare adds; PUT raises the version by one.
Invariant: refs are unique in a phase; a phase takes only actions that it can perform; a rule has what its action needs.
Errors: Refused 400 (20xxx), 404 (10003: nobody put rules into this phase).
Source: developers.cloudflare.com/ruleset-engine/ (phases, actions), .../waf/rate-limiting-rules/parameters/.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from audifi.local.standins.cloudflare import bodies, expressions
from audifi.local.standins.cloudflare.account import Account, Zone, now
from audifi.local.standins.cloudflare.answers import Refused, type_of_item

BODY: Final = "rulesets.phase_update_params.PhaseUpdateParams"
# What each phase may do; phases of ours only.
PHASES: Final[Mapping[str, frozenset[str]]] = {
    "http_config_settings": frozenset({"set_config"}),
    "http_request_cache_settings": frozenset({"set_cache_settings"}),
    "http_request_dynamic_redirect": frozenset({"redirect"}),
    "http_request_firewall_custom": frozenset(
        {"block", "challenge", "js_challenge", "managed_challenge", "skip", "log"}
    ),
    "http_request_firewall_managed": frozenset({"execute", "skip"}),
    "http_request_late_transform": frozenset({"rewrite"}),
    "http_request_origin": frozenset({"route"}),
    "http_request_transform": frozenset({"rewrite"}),
    "http_ratelimit": frozenset({"block", "challenge", "js_challenge", "managed_challenge", "log"}),
    "http_response_headers_transform": frozenset({"rewrite"}),
}
NEEDS_PARAMETERS: Final = frozenset({"execute", "redirect", "rewrite", "route", "set_cache_settings", "skip"})
LIMIT_NEEDS: Final = ("characteristics", "period", "requests_per_period", "mitigation_timeout")
PERIODS_S: Final = frozenset({10, 60, 120, 300, 600})  # Business
COUNTED_BY: Final = frozenset({"cf.colo.id", "ip.src"})  # Business
RATE_RULES_MAX: Final = 5  # Business
OWN: Final = frozenset({"id", "version", "last_updated", "categories"})


def put(account: Account, zone: Zone, phase: str, body: type_of_item) -> type_of_item:
    """Replace the rules of a phase."""
    if phase not in PHASES:
        raise Refused(400, 20_011, f"phase {phase!r} is not one of {', '.join(PHASES)}")
    given = [_own_removed(rule) for rule in body.get("rules", [])]
    bodies.judge(BODY, {**body, "rules": []})
    for place, rule in enumerate(given):
        if faults := faults_of(phase, rule, account):
            raise Refused(400, 20_000, f"rules.{place} ({rule.get('ref', 'without ref')}): {'; '.join(faults)}")
    _whole(phase, given)
    before = zone.rulesets.get(phase, {"id": account.new_id(), "version": "0", "rules": []})
    kept = {rule["ref"]: rule["id"] for rule in before["rules"]}
    zone.rulesets[phase] = {
        "id": before["id"],
        "name": body.get("name", "default"),
        "description": body.get("description", ""),
        "kind": "zone",
        "phase": phase,
        "version": str(int(before["version"]) + 1),
        "last_updated": now(),
        "rules": [_kept(account, rule, kept) for rule in given],
    }
    return zone.rulesets[phase]


def found(zone: Zone, phase: str) -> type_of_item:
    """The rules of a phase."""
    if phase not in zone.rulesets:
        raise Refused(404, 10_003, f"could not find entrypoint ruleset in the {phase} phase")
    return zone.rulesets[phase]


def faults_of(phase: str, rule: type_of_item, account: Account) -> list[str]:
    """What is wrong with one rule."""
    action = str(rule.get("action", ""))
    if action not in PHASES[phase]:
        return [f"action {action!r} is not allowed in {phase}: {', '.join(sorted(PHASES[phase]))}"]
    faults = bodies.faults_of(_type_of(action), rule)
    if action in NEEDS_PARAMETERS and not rule.get("action_parameters"):
        faults.append(f"action_parameters is missing: action {action} needs it")
    if "expression" not in rule:
        faults.append("expression is missing")
    lists = {str(each["name"]) for each in account.lists.values()}
    faults += [fault for text in _expressions(rule) for fault in expressions.faults_of(text, lists)]
    return faults + (_limit_faults(rule) if phase == "http_ratelimit" else [])


def _type_of(action: str) -> type[Any]:
    """The SDK's type for a rule with this action."""
    rules = bodies.hints(bodies.of_the_sdk(BODY))["rules"]
    for variant in bodies.variants(rules):
        if action in str(bodies.hints(variant).get("action", "")).split("'"):
            return variant
    raise Refused(400, 20_001, f"action {action!r} does not exist")


def _expressions(rule: type_of_item) -> list[str]:
    """Every expression of a rule: its own, and those of what it rewrites."""
    found: list[str] = [str(rule["expression"])] if "expression" in rule else []

    def look(value: object) -> None:
        if isinstance(value, dict):
            for key, inner in cast("type_of_item", value).items():
                if key in {"expression", "counting_expression"} and isinstance(inner, str):
                    found.append(inner)
                else:
                    look(inner)

    look(rule.get("action_parameters"))
    look(rule.get("ratelimit"))
    return [text for text in found if text]


def _limit_faults(rule: type_of_item) -> list[str]:
    limit = cast("type_of_item", rule.get("ratelimit") or {})
    faults = [f"ratelimit.{name} is missing" for name in LIMIT_NEEDS if name not in limit]
    if faults:
        return faults
    if limit["period"] not in PERIODS_S:
        faults.append(f"ratelimit.period {limit['period']} is not entitled: {sorted(PERIODS_S)}")
    if sorted(limit["characteristics"]) != sorted(COUNTED_BY):
        faults.append(f"ratelimit.characteristics must be {sorted(COUNTED_BY)} on this plan")
    return faults


def _whole(phase: str, rules: list[type_of_item]) -> None:
    refs = [rule["ref"] for rule in rules if "ref" in rule]
    if len(refs) != len(set(refs)):
        raise Refused(400, 20_018, f"refs must be unique: {sorted(ref for ref in refs if refs.count(ref) > 1)}")
    if phase == "http_ratelimit" and len(rules) > RATE_RULES_MAX:
        raise Refused(
            403,
            20_120,
            f"exceeded the maximum number of rules in the phase {phase}: {len(rules)} out of {RATE_RULES_MAX}",
        )


def _own_removed(rule: type_of_item) -> type_of_item:
    return {key: value for key, value in rule.items() if key not in OWN}


def _kept(account: Account, rule: type_of_item, before: Mapping[str, str]) -> type_of_item:
    identifier = before.get(str(rule.get("ref", ""))) or account.new_id()
    whole = {"id": identifier, "version": "1", "last_updated": now(), "enabled": True, **rule}
    return {**whole, "ref": rule.get("ref", identifier)}
