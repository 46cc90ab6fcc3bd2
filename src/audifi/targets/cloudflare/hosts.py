"""Say which hosts a rule of the zone is about: production's and staging's, for they share the zone.

Between: the modules beside this one; topology.environments (what staging's hosts are).
Shape: hosts by what they serve: pages, the API, sockets.
Invariant: rules of a zone are replaced as a whole, so one environment owns them: production. Staging's hosts go by the
same rules, which is what makes staging worth asking.
Errors: none.
Source: domain.md 5.1 (hosts of staging are names of the same zone).
"""

from dataclasses import dataclass

from audifi.topology.environments import in_environment
from audifi.topology.model.whole import Topology

OWNER = "production"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hosts:
    """The names of the zone, by what they serve."""

    pages: tuple[str, ...]
    apex: str
    www: str
    api: tuple[str, ...]
    ws: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Every name but the one that only redirects."""
        return (*self.pages, *self.api, *self.ws)


def owns(topology: Topology) -> bool:
    """Whether this environment owns the rules of its zone."""
    return topology.environment == OWNER


def hosts(topology: Topology) -> Hosts:
    """The names of the zone."""
    both = (topology, in_environment(topology, "staging"))
    domains = [domain for each in both for domain in each.domains]

    def named(*names: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(domain.host for domain in domains if domain.name in names))

    return Hosts(
        pages=named("apex", "app", "studio"),
        apex=topology.domain("apex").host,
        www=topology.domain("www").host,
        api=named("api"),
        ws=named("ws"),
    )


def zone(topology: Topology) -> str:
    """The zone's name without its last dot."""
    return topology.surface.dns.zone.removesuffix(".")
