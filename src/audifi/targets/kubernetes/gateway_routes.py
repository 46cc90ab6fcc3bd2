"""Render wire.routes as HTTPRoutes: who answers which public path, and which kind of limits and tokens apply.

Between: wire.routes (rows), targets.kubernetes.gateway (the policies that select these routes by label).
Shape: an HTTPRoute per service, access and traffic; a rule per row and public address. Labels say what policies read:

    audifi.io/access     public, cookie, optional, token        SecurityPolicy
    audifi.io/traffic    read, write, stream, upload, sign-in   BackendTrafficPolicy

Here the most specific match wins, there the first row does: tests/unit/targets/test_gateway_routes.py shows that both
choose the same for every row. Services see paths without `/v1`: HTTPRouteFilters take it off.
Units: seconds as the Gateway API writes them ("30s"); "0s" is no limit.
Invariant: what has no row has no route: `/metrics` and `/internal` do not exist outside.
Errors: none.
Source: https://gateway-api.sigs.k8s.io/reference/spec/ (HTTPRouteRule: precedence, 64 matches); Envoy Gateway 1.9,
HTTPRouteFilter; domain.md 2.0.
"""

import re
from collections.abc import Iterator
from itertools import groupby

from audifi.targets.kubernetes.documents import Json, document, metadata
from audifi.topology.model.compute import Component
from audifi.topology.model.whole import Topology
from audifi.wire.routes import AUTH, AUTH_FLOOD_PER_S, BODY_BYTES, PREFIXES, ROUTES, SAFE_METHODS, Access, Route

API = "gateway.networking.k8s.io/v1"
ENVOY = "gateway.envoyproxy.io/v1alpha1"
GROUP = "gateway.networking.k8s.io"
ACCESS = "audifi.io/access"
TRAFFIC = "audifi.io/traffic"
PREFIX = r"^/(?:api/)?v1"  # PREFIXES as one expression
NO_STORE = {
    "type": "ResponseHeaderModifier",
    "responseHeaderModifier": {"set": [{"name": "Cache-Control", "value": "no-store"}]},
}


def documents(topology: Topology) -> tuple[Json, ...]:
    """The filters that rewrite paths, the routes of every service, and where preflights go."""
    gateway = topology.component("api-gateway")
    return (
        *(_filter(topology, gateway, rewrite) for rewrite in _rewrites()),
        *_routes(topology, gateway),
        _preflights(topology, gateway),
    )


def traffic(row: Route, *, safe: bool) -> str:
    """Which limits a request meets."""
    if row.timeout_s is None:
        return "stream"
    if row.body_bytes != BODY_BYTES:
        return "upload"
    if row.flood_per_s == AUTH_FLOOD_PER_S:
        return "sign-in"
    return "read" if safe else "write"


def _routes(topology: Topology, gateway: Component) -> Iterator[Json]:
    rows = [
        (row.service, row.access.value, traffic(row, safe=safe), row, methods)
        for row in ROUTES
        for safe in (True, False)
        if (methods := tuple(name for name in row.methods if (name in SAFE_METHODS) is safe))
    ]
    ordered = sorted(rows, key=lambda each: each[:3])
    for (service, access, kind), found in groupby(ordered, key=lambda each: each[:3]):
        head = metadata(topology, gateway, f"{service}-{access}-{kind}")
        head["labels"] |= {ACCESS: access, TRAFFIC: kind}
        backend = topology.component(service)
        rules = [_rule(row, methods, backend) for *_, row, methods in found]
        yield document(API, "HTTPRoute", head, spec={**on(topology, gateway, "api"), "rules": rules})


def on(topology: Topology, gateway: Component, domain: str) -> Json:
    """Which gateway and which host a route belongs to."""
    host = topology.domain(domain).host
    return {"parentRefs": [{"name": gateway.name, "sectionName": "https"}], "hostnames": [host]}


def _rule(row: Route, methods: tuple[str, ...], backend: Component) -> Json:
    filters: list[Json] = [
        {
            "type": "ExtensionRef",
            "extensionRef": {"group": "gateway.envoyproxy.io", "kind": "HTTPRouteFilter", "name": filter_name(row)},
        }
    ]
    if row.access in {Access.TOKEN, Access.COOKIE}:
        filters.append(NO_STORE)
    wait = "0s" if row.timeout_s is None else f"{row.timeout_s}s"
    return {
        "matches": [{**match, "method": method} for match in _paths(row) for method in methods],
        "filters": filters,
        "timeouts": {"request": wait, "backendRequest": wait},
        "backendRefs": [{"name": backend.name, "port": backend.port("http").number}],
    }


def _paths(row: Route) -> Iterator[Json]:
    for public in row.public_paths:
        if row.template:
            yield {"path": {"type": "RegularExpression", "value": public.removesuffix(row.path) + row.pattern}}
        else:
            yield {"path": {"type": "PathPrefix" if row.prefix else "Exact", "value": public}}


def filter_name(row: Route) -> str:
    """The HTTPRouteFilter of a row."""
    return "public-path" if row.rewrite is None else f"public-path{row.rewrite[0].replace('/', '-')}"


def _rewrites() -> list[Route]:
    """One row per way of rewriting."""
    return list({filter_name(row): row for row in ROUTES}.values())


def rewriting(row: Route) -> tuple[str, str]:
    """What is matched in a public path, and what the service sees instead."""
    seen, served = row.rewrite or ("", "")
    if row.at_root and row.rewrite:
        return rf"^(?:/(?:api/)?v1)?{re.escape(seen)}$", served
    return PREFIX + re.escape(seen), served


def _filter(topology: Topology, gateway: Component, row: Route) -> Json:
    pattern, substitution = rewriting(row)
    path = {
        "type": "ReplaceRegexMatch",
        "replaceRegexMatch": {"pattern": pattern, "substitution": substitution},
    }
    return document(
        ENVOY, "HTTPRouteFilter", metadata(topology, gateway, filter_name(row)), spec={"urlRewrite": {"path": path}}
    )


def _preflights(topology: Topology, gateway: Component) -> Json:
    """The CORS filter answers them itself, but only on a route that leads somewhere (never followed)."""
    head = metadata(topology, gateway, "preflights")
    head["labels"] |= {ACCESS: Access.PUBLIC.value, TRAFFIC: "read"}
    asked = [
        {"type": "RegularExpression", "name": "Origin", "value": ".+"},
        {"type": "RegularExpression", "name": "Access-Control-Request-Method", "value": ".+"},
    ]
    paths = (*PREFIXES, "/health", "/.well-known")
    auth = topology.component(AUTH)
    rule = {
        "matches": [
            {"path": {"type": "PathPrefix", "value": path}, "method": "OPTIONS", "headers": asked} for path in paths
        ],
        "backendRefs": [{"name": auth.name, "port": auth.port("http").number}],
    }
    return document(API, "HTTPRoute", head, spec={**on(topology, gateway, "api"), "rules": [rule]})
