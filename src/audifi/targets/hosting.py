"""Say what both hosts of the front end, Vercel and Fly.io, must do alike: headers, redirects, what lies behind /api.

Between: topology.surface and targets.vercel, targets.fly.
Invariant: a page has the same headers whoever serves it, also when it is asked for without the edge in front.
Errors: KeyError without a domain `api` or `ws`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from audifi.targets.nginx.pages import policy_for
from audifi.topology.model.edge import Rewrite
from audifi.topology.model.whole import Topology

POLICY: Final = "Content-Security-Policy"
EVERYTHING: Final = "/(.*)"
_DOMAINS: Final = ("apex", "www", "app", "api", "ws")
SOURCES: Final = ("Vercel", "headers", "cache_rules", *(f"domain {name}" for name in _DOMAINS))


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What a browser may keep, and how long; `path` begins with a slash and ends with one."""

    path: str
    cache_control: str


def page_headers(topology: Topology) -> Mapping[str, str]:
    """The headers of every page: the design's, and the policy that lets pages talk to our own addresses."""
    declared = {header.name: header.value for header in topology.headers if "edge" in header.set_by}
    policy = policy_for(topology.domain("api").host, topology.domain("ws").host)
    return {**declared, **dict(topology.surface.vercel.headers), POLICY: policy}


def kept(topology: Topology) -> tuple[Kept, ...]:
    """Files whose name changes with their content."""
    return tuple(
        Kept(path=path.removesuffix("*"), cache_control=f"public, max-age={rule.browser_ttl_s}, immutable")
        for rule in topology.surface.cache_rules
        if rule.immutable
        for path in rule.paths
    )


def redirects(topology: Topology) -> Mapping[str, str]:
    """Host → the host it redirects to."""
    apex = next((domain.host for domain in topology.domains if domain.name == "apex"), "")
    return {domain.host: apex for domain in topology.domains if domain.hosting == "redirect"}


def rewrites(topology: Topology) -> tuple[Rewrite, ...]:
    """What is answered from elsewhere, in order."""
    return topology.surface.vercel.rewrites
