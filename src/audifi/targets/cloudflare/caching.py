"""Say what the edge may keep: hashed files for a year, public reads for seconds, everything else never.

Between: topology.surface.cache_rules, wire.routes (the rows that may be cached), headers (what browsers are told).
Shape: every matching rule applies and a later one wins: `never` and `acme-pass` stand last.
Invariant: a public read is kept only for who shows no credentials, and only if it succeeded; the services say no-store,
so the time is set here, from the routing table, as the local edge does it.
Units: seconds.
Errors: none.
Source: domain.md 5.4; developers.cloudflare.com/cache/how-to/cache-rules/settings.
"""

from typing import Any, Final

from audifi.targets.cloudflare import writing
from audifi.targets.cloudflare.hosts import hosts
from audifi.topology.model.edge import CacheRule
from audifi.topology.model.whole import Topology
from audifi.wire.routes import ROUTES

NO_STORE: Final = -1  # the API's number for it
FAILURES: Final = {"status_code_range": {"from": 201, "to": 599}, "value": NO_STORE}
PAGES: Final = ("assets", "pages")


def rules(topology: Topology) -> list[dict[str, Any]]:
    """The rules of the cache."""
    kept = [_rule(topology, rule) for rule in topology.surface.cache_rules]
    return [*kept, _untouched(topology)]


def expression(topology: Topology, rule: CacheRule) -> str:
    """Which requests a rule is about."""
    if rule.name in PAGES:
        paths = writing.path_is(*(writing.declared(path) for path in rule.paths))
        return writing.all_of(writing.one_of("http.host", hosts(topology).pages), paths)
    if not rule.edge_ttl_s:
        return writing.public_path_is(*(writing.declared(path) for path in rule.paths))
    rows = [row for row in ROUTES if row.edge_cache_s == rule.edge_ttl_s]
    anonymous = [f"not len({writing.header(name)}) > 0" for name in ("Authorization", "Cookie")]
    return writing.all_of(writing.one_of(writing.METHOD, ("GET",)), *anonymous, writing.rows(rows))


def _rule(topology: Topology, rule: CacheRule) -> dict[str, Any]:
    if not rule.edge_ttl_s:
        parameters: dict[str, Any] = {"cache": False}
    else:
        parameters = {
            "cache": True,
            "edge_ttl": {"mode": "override_origin", "default": rule.edge_ttl_s, "status_code_ttl": [FAILURES]},
            "browser_ttl": {"mode": "respect_origin"},
            "cache_key": {"ignore_query_strings_order": True, "cache_deception_armor": rule.name in PAGES},
            "serve_stale": {"disable_stale_while_updating": not rule.stale_while_revalidate_s},
        }
    return writing.rule(
        rule.name,
        "set_cache_settings",
        expression(topology, rule),
        ", ".join(rule.paths),
        action_parameters=parameters,
    )


def _untouched(topology: Topology) -> dict[str, Any]:
    """What Vercel renews its certificates through."""
    declared = next(rule for rule in topology.surface.waf_rules if rule.name == "acme-pass")
    paths = [writing.declared(path) for path in declared.match.split(", ")]
    return writing.rule(
        declared.name,
        "set_cache_settings",
        writing.path_is(*paths),
        declared.source,
        action_parameters={"cache": False},
    )
