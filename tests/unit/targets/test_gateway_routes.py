"""What the Gateway API chooses and what wire.routes chooses are the same for every request.

The judge here is the specification's precedence, written anew: Exact, then RegularExpression (as Envoy Gateway orders
it), then the longest PathPrefix; a match with a method or more headers wins over one without.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from audifi.targets.kubernetes import gateway_routes
from audifi.targets.kubernetes.gateway_routes import ACCESS, TRAFFIC
from audifi.topology.declaration import platform
from audifi.wire.routes import METHODS, PREFIXES, ROUTES, SAFE_METHODS, match

TOPOLOGY = platform("production")
DOCUMENTS = gateway_routes.documents(TOPOLOGY)
HTTP_ROUTES = [each for each in DOCUMENTS if each["kind"] == "HTTPRoute"]
FILTERS = {
    each["metadata"]["name"]: each["spec"]["urlRewrite"]["path"] for each in DOCUMENTS if each["kind"] != "HTTPRoute"
}
RANKS = {"Exact": 2, "RegularExpression": 1, "PathPrefix": 0}
KNOWN_PATHS = sorted({f"{tail}" for row in ROUTES for tail in (row.path, f"{row.path}/more", f"{row.path}x")})


def _takes(kind: str, value: str, path: str) -> bool:
    if kind == "Exact":
        return path == value
    if kind == "RegularExpression":
        return re.fullmatch(value, path) is not None
    return path == value or path.startswith(f"{value}/")


def _candidates(method: str, path: str) -> Iterator[tuple[tuple[int, int, bool], Any, Any]]:
    for route in HTTP_ROUTES:
        for rule in route["spec"]["rules"]:
            for each in rule["matches"]:
                kind, value = each["path"]["type"], each["path"]["value"]
                if each.get("method", method) == method and "headers" not in each and _takes(kind, value, path):
                    yield (RANKS[kind], len(value), "method" in each), route, rule


def _chosen(method: str, path: str) -> tuple[Any, Any] | None:
    found = sorted(_candidates(method, path), key=lambda each: each[0])
    return found[-1][1:] if found else None


def _served(rule: Any, path: str) -> str:
    [name] = [each["extensionRef"]["name"] for each in rule["filters"] if each["type"] == "ExtensionRef"]
    rewrite = FILTERS[name]["replaceRegexMatch"]
    return re.sub(rewrite["pattern"], rewrite["substitution"], path, count=1)


@pytest.mark.parametrize("template", KNOWN_PATHS)
def test_same_row(template: str) -> None:
    """For every path that a row knows, one below it and one beside it: service, access, limits, and what it sees."""
    path = re.sub(r"\{[a-zA-Z]+\}", "6f1c", template)
    for method in METHODS:
        row, public = match(method, path), PREFIXES[0] + path
        found = _chosen(method, public)
        if row is None:
            assert found is None, f"{method} {public} goes to {found}, and no row takes it"
            continue
        assert found is not None, f"{method} {public} goes nowhere; {row.path} takes it"
        route, rule = found
        assert rule["backendRefs"][0]["name"] == row.service
        assert route["metadata"]["labels"][ACCESS] == row.access
        assert route["metadata"]["labels"][TRAFFIC] == gateway_routes.traffic(row, safe=method in SAFE_METHODS)
        seen, served = row.rewrite or ("", "")
        assert _served(rule, public) == path.replace(seen, served, 1)


@pytest.mark.parametrize("path", ["/metrics", "/internal/users", "/v1/internal/users", "/openapi.json", "/ready", "/"])
def test_nothing_else(path: str) -> None:
    """What has no row does not exist outside."""
    assert all(_chosen(method, path) is None for method in METHODS)


def test_alias_and_root() -> None:
    """/api/v1 is /v1; what is served at the root is served there too."""
    for public in ("/health", "/v1/health", "/api/v1/health"):
        found = _chosen("GET", public)
        assert found is not None
        assert _served(found[1], public) == "/health/platform"
    found = _chosen("GET", "/api/v1/artist-coins/7")
    assert found is not None
    assert _served(found[1], "/api/v1/artist-coins/7") == "/coins/7"


def test_limits_of_the_specification() -> None:
    """At most 16 rules, 64 matches a rule, 128 a route."""
    for route in HTTP_ROUTES:
        sizes = [len(rule["matches"]) for rule in route["spec"]["rules"]]
        assert len(sizes) <= 16
        assert max(sizes) <= 64
        assert sum(sizes) <= 128
