"""Say what the edge changes on the way: headers in both directions, one redirect, and the number of a live pod.

Between: wire.headers, wire.live.addresses, topology.operators (ports of live pods), caching (what may be kept).
Shape: rules by phase. A socket's `/p/<n>` is taken off, and the port of pod n chosen, as targets.nginx.live does it.
Known: where pod n refuses, the local edge asks another one; here the client takes a new ticket, which names another.
Invariant: nobody outside can set a header that only our gateway could have meant; every answer carries the design's.
Errors: none.
Source: design.md "Security Headers"; domain.md 4, 5.1 (www redirects); docs/decisions/0046;
developers.cloudflare.com/rules/ (transform, origin-rules/features: the port of the destination).
"""

from typing import Any, Final

from audifi.targets.cloudflare import caching, writing
from audifi.targets.cloudflare.hosts import hosts
from audifi.targets.nginx import pages
from audifi.topology import operators
from audifi.topology.model.edge import CacheRule
from audifi.topology.model.whole import Topology
from audifi.wire import headers
from audifi.wire.live import addresses

POLICY: Final = "Content-Security-Policy"
AS_SENT: Final = "raw.http.request.uri.path"  # other phases see the path without /p/<n>


def redirects(topology: Topology) -> list[dict[str, Any]]:
    """Send www to the apex."""
    names, tls = hosts(topology), topology.surface.tls
    target = {"expression": f'concat("https://{names.apex}", {writing.PATH})'}
    return [
        writing.rule(
            "www",
            "redirect",
            writing.one_of("http.host", (names.www,)),
            topology.domain("www").purpose,
            action_parameters={
                "from_value": {"target_url": target, "status_code": tls.redirect_status, "preserve_query_string": True}
            },
        )
    ]


def request_headers(_: Topology) -> list[dict[str, Any]]:
    """What nobody outside may claim."""
    removed = {name: {"operation": "remove"} for name in headers.IDENTITY}
    return [
        writing.rule(
            "identity", "rewrite", "true", "only our gateway sets these", action_parameters={"headers": removed}
        )
    ]


def response_headers(topology: Topology) -> list[dict[str, Any]]:
    """The design's headers; pages have a policy of their own; what may be kept says so."""
    names = hosts(topology)
    everywhere = {header.name: header.value for header in topology.headers if header.name != POLICY}
    of_the_api = {header.name: header.value for header in topology.headers if header.name == POLICY}
    of_pages = {POLICY: pages.policy_for(topology.domain("api").host, topology.domain("ws").host)}
    return [
        _setting("security", "true", "design.md, Security Headers", everywhere),
        _setting("policy", writing.one_of("http.host", (*names.api, *names.ws)), "answers of the API", of_the_api),
        _setting("page-policy", writing.one_of("http.host", names.pages), "pages: domain.md 4", of_pages),
        *(
            _setting(
                f"kept-{rule.name}",
                writing.all_of(caching.expression(topology, rule), "http.response.code eq 200"),
                "what may be kept says so",
                {"Cache-Control": _freshness(rule)},
            )
            for rule in topology.surface.cache_rules
            if rule.edge_ttl_s
        ),
    ]


def live_paths(topology: Topology) -> list[dict[str, Any]]:
    """A pod does not see the number that chose it."""
    named = f'starts_with({writing.PATH}, "{addresses.NAMED}")'
    path = {"expression": f'regex_replace({writing.PATH}, "^{addresses.NAMED}[0-9]+/", "/")'}
    return [
        writing.rule(
            "live-path",
            "rewrite",
            writing.all_of(writing.one_of("http.host", hosts(topology).ws), named),
            "the number names a pod",
            action_parameters={"uri": {"path": path}},
        )
    ]


def live_ports(topology: Topology) -> list[dict[str, Any]]:
    """Each live pod has a port at the load balancer; any other address goes to the balancer on 443."""
    pods = topology.component(topology.surface.websocket.component).pods
    return [
        writing.rule(
            f"live-{pod}",
            "route",
            writing.all_of(
                writing.one_of("http.host", hosts(topology).ws),
                f'starts_with({AS_SENT}, "{addresses.named(pod)}/")',
            ),
            f"straight to {pod}",
            action_parameters={"origin": {"port": port}},
        )
        for pod, port in zip(pods, operators.POD_PORTS, strict=False)
    ]


def _freshness(rule: CacheRule) -> str:
    if rule.immutable:
        return f"public, max-age={rule.browser_ttl_s}, immutable"
    return f"public, s-maxage={rule.edge_ttl_s}, stale-while-revalidate={rule.stale_while_revalidate_s}"


def _setting(ref: str, expression: str, description: str, values: dict[str, str]) -> dict[str, Any]:
    changed = {name: {"operation": "set", "value": value} for name, value in values.items()}
    return writing.rule(ref, "rewrite", expression, description, action_parameters={"headers": changed})
