"""Say what the edge refuses: hidden paths, the wrong network, too large, the wrong type, attacks, floods.

    custom     acme-pass ─► hidden ─► admin-network ─► body-size ─► content-type ─► bots (who is not asked)
    managed    webhooks are left out ─► Cloudflare's rules ─► OWASP core rule set
    ratelimit  floods from one address

Between: topology.surface.waf_rules, topology.rate_limits, wire.routes (paths, sizes), targets.envoy.replies (words).
Shape: rules in the order in which they are judged; the first that answers decides.
Known: the plan shows no body's size, so `body-size` reads Content-Length; a body without one is counted by the
gateway. Limits per user, per mail address or over more than ten minutes are the gateway's: the edge cannot count them.
Known: what reaches the API by Vercel's rewrite of /api comes from Vercel's addresses, which share one count each.
Invariant: the refusals are JSON in the platform's envelope, with the statuses that the local edge gives.
Errors: KeyError for a rule of the declaration that nothing here knows; ValueError for more limits than the plan has.
Source: domain.md 5.4, 5.5; developers.cloudflare.com/waf/ (custom rules, managed rules, rate limiting parameters).
"""

import json
from typing import Any, Final

from audifi.targets.cloudflare import writing
from audifi.targets.cloudflare.hosts import Hosts, hosts
from audifi.targets.envoy import replies
from audifi.topology.model.edge import WafRule
from audifi.topology.model.network import RateLimit
from audifi.topology.model.whole import Topology
from audifi.wire.routes import BODY_BYTES, ROUTES

SKIPPED_PHASES: Final = ("http_ratelimit", "http_request_firewall_managed", "http_request_sbfm")
SKIPPED_PRODUCTS: Final = ("bic", "hot", "rateLimit", "securityLevel", "uaBlock", "waf", "zoneLockdown")
PARANOIA_MAX: Final = 4
JSON_TYPE: Final = "application/(?:[a-z0-9.+-]+[+])?json *(?:;.*)?"  # as targets.nginx.lanes has it
CARRIES_BODY: Final = ("POST", "PUT", "PATCH")
COUNTED_BY: Final = ("cf.colo.id", "ip.src")  # each data centre counts for itself: the plan has no other count


def custom(topology: Topology) -> list[dict[str, Any]]:
    """The rules of our own."""
    known = {rule.name: rule for rule in topology.surface.waf_rules}
    return [
        _acme_pass(known["acme-pass"]),
        _hidden(known["hidden"]),
        _admin_network(topology, known["admin-network"]),
        _body_size(known["body-size"]),
        _content_type(known["content-type"]),
        _bots(known["bots"]),
    ]


def managed(topology: Topology) -> list[dict[str, Any]]:
    """The CDN's rule sets; what carries a signature is judged by its receiver alone."""
    cdn, owasp = topology.surface.cdn, next(r for r in topology.surface.waf_rules if r.name == "owasp-core")
    too_strict = [
        {"category": f"paranoia-level-{level}", "enabled": False}
        for level in range(cdn.owasp_paranoia + 1, PARANOIA_MAX + 1)
    ]
    verdict = {"id": cdn.owasp_verdict, "action": "block", "score_threshold": cdn.owasp_score, "enabled": True}
    return [
        writing.rule(
            "signed",
            "skip",
            writing.rows(writing.signed()),
            "webhooks: the signature is the proof",
            action_parameters={"ruleset": "current"},
        ),
        writing.rule("cdn", "execute", "true", "Cloudflare's own rules", action_parameters={"id": cdn.managed_rules}),
        writing.rule(
            owasp.name,
            "execute",
            "true",
            owasp.match,
            action_parameters={"id": cdn.owasp_rules, "overrides": {"categories": too_strict, "rules": [verdict]}},
        ),
    ]


def limits(topology: Topology) -> list[dict[str, Any]]:
    """What one address may ask for; webhooks have no limit."""
    cdn, names = topology.surface.cdn, hosts(topology)
    counted = [each for each in topology.rate_limits if each.per == "ip" and each.window_s in cdn.rate_periods_s]
    if len(counted) > cdn.rate_rules_max:
        raise ValueError(
            f"{len(counted)} limits per address, and plan {cdn.plan} has {cdn.rate_rules_max} (topology/cdn.py)"
        )
    strictest_first = sorted(counted, key=lambda each: each.count / each.window_s)
    return [_limit(each, names) for each in strictest_first]


def _limit(limit: RateLimit, names: Hosts) -> dict[str, Any]:
    methods, _, path = limit.scope.rpartition(" ")
    conditions = [writing.one_of("http.host", names.all)]
    if methods:
        conditions.append(writing.one_of(writing.METHOD, methods.split()))
    if path == "*":
        conditions.append(f"not {writing.rows(writing.signed())}")
    else:
        conditions.append(writing.path_is(f"(?:{writing.PREFIX})?{writing.declared(path)}"))
    return writing.rule(
        limit.name,
        "block",
        writing.all_of(*conditions),
        f"{limit.scope}: {limit.count} in {limit.window_s} s per {limit.per}",
        action_parameters={"response": answer(429)},
        ratelimit={
            "characteristics": list(COUNTED_BY),
            "period": limit.window_s,
            "requests_per_period": limit.count,
            "mitigation_timeout": limit.window_s,
        },
    )


def answer(status: int) -> dict[str, Any]:
    """A refusal in the platform's envelope; the CDN's own header cf-ray says which request it was."""
    content = json.dumps(replies.envelope(status, "see header cf-ray"), ensure_ascii=True)
    return {"status_code": status, "content_type": "application/json", "content": content}


def _acme_pass(declared: WafRule) -> dict[str, Any]:
    paths = [writing.declared(path) for path in declared.match.split(", ")]
    parameters = {"ruleset": "current", "phases": list(SKIPPED_PHASES), "products": list(SKIPPED_PRODUCTS)}
    return writing.rule(
        declared.name, "skip", writing.path_is(*paths), declared.source, action_parameters=parameters
    ) | {"logging": {"enabled": True}}


def _hidden(declared: WafRule) -> dict[str, Any]:
    paths = [f"(?:{writing.PREFIX})?{writing.declared(path)}" for path in declared.match.split(", ")]
    return _refusing(declared, writing.path_is(*paths), 404)


def _admin_network(topology: Topology, declared: WafRule) -> dict[str, Any]:
    inside = f"ip.src in ${topology.surface.cdn.admin_list}"
    path = writing.declared(declared.match.split(" ")[0])
    return _refusing(declared, writing.all_of(writing.public_path_is(path), f"not {inside}"), 403)


def _body_size(declared: WafRule) -> dict[str, Any]:
    upload = _upload()

    def larger(limit_bytes: int | None) -> str:
        assert limit_bytes is not None, "the declaration says how large a body may be"
        return writing.matches(writing.header("Content-Length"), f"0*(?:{writing.more_than(limit_bytes)})")

    return _refusing(
        declared,
        writing.any_of(
            writing.all_of(upload, larger(declared.exempt_limit_bytes)),
            writing.all_of(f"not {upload}", larger(declared.limit_bytes)),
        ),
        413,
    )


def _content_type(declared: WafRule) -> dict[str, Any]:
    content_type = writing.header("Content-Type")
    return _refusing(
        declared,
        writing.all_of(
            writing.one_of(writing.METHOD, CARRIES_BODY),
            writing.public_path_is("/.*"),
            f"not {_upload()}",
            f'{content_type} ne ""',
            f"not {writing.matches(f'lower({content_type})', JSON_TYPE)}",
        ),
        415,
    )


def _bots(declared: WafRule) -> dict[str, Any]:
    paths = [f"(?:{writing.PREFIX})?{writing.declared(path)}" for path in declared.exempt]
    parameters = {"phases": ["http_request_sbfm"]}
    description = f"programs may ask {', '.join(declared.exempt)} and whatever carries a signature"
    return writing.rule(
        declared.name,
        "skip",
        writing.any_of(writing.path_is(*paths), writing.rows(writing.signed())),
        description,
        action_parameters=parameters,
    ) | {"logging": {"enabled": False}}


def _upload() -> str:
    rows = [row for row in ROUTES if row.body_bytes > BODY_BYTES]
    methods = {method for row in rows for method in row.methods}
    return writing.all_of(writing.one_of(writing.METHOD, sorted(methods)), writing.rows(rows))


def _refusing(declared: WafRule, expression: str, status: int) -> dict[str, Any]:
    return writing.rule(
        declared.name, "block", expression, declared.match, action_parameters={"response": answer(status)}
    )
