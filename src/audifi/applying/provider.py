"""Say what every provider must be able to do: show the difference, and carry it out.

Between: cli.plan, cli.apply, cli.drift (ask) and the modules beside this one, one per provider.
Shape: a provider's module has `connected(access, topology) -> Provider`; it is imported when it is asked for.
Invariant: `plan` changes nothing; `apply` does what its plan says and nothing else.
Errors: `Unusable` says what is wrong with the access or the plan, where, and what to do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Final, Protocol, cast

from audifi.targets.plan import Plan
from audifi.topology.model.whole import Topology

MODULES: Final[Mapping[str, str]] = {
    "cloudflare": "audifi.applying.cloudflare",
    "dns": "audifi.applying.dns",
}


class Unusable(Exception):
    """This cannot be planned or applied."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """How to reach a provider. The token never shows in a text."""

    token: str = field(repr=False)
    api_url: str = ""  # empty: the provider's own
    places: Mapping[str, str] = field(default_factory=dict[str, str])  # what angle brackets of the topology stand for
    deletions_allowed: int | None = None


class Provider(Protocol):
    """One provider, connected."""

    def plan(self) -> Plan:
        """What differs from what is wanted."""
        ...

    def apply(self, plan: Plan) -> Iterator[str]:
        """Carry a plan out; a line for each thing that was done."""
        ...


class _Module(Protocol):
    def connected(self, access: Access, topology: Topology) -> Provider: ...


def connected(name: str, access: Access, topology: Topology) -> Provider:
    """The provider of that name."""
    if name not in MODULES:
        raise Unusable(f"there is no provider {name!r}; there are {', '.join(MODULES)}")
    return cast("_Module", import_module(MODULES[name])).connected(access, topology)
