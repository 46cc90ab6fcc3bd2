"""Say who runs a component in the cluster where it is not a Deployment of ours, and what that needs besides links.

Between: topology.operators (fills it), targets.kubernetes (renders charts' values, policies and custom resources).
Shape: an `Access` is a connection that no request of ours needs: replication, an operator's questions, name service.
Invariant: frozen; an outsider is somebody in the cluster who is no component.
Errors: none.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """A third party's Helm chart, pinned."""

    name: str
    repository: str
    version: str
    application: str  # the version of what it installs
    namespace: str
    purpose: str
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Outsider:
    """Somebody in the cluster who is no component of ours: by pods' labels, or by addresses where there are no pods."""

    name: str
    namespace: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    networks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """`source` may open connections to these ports of `target`: components or outsiders, `*` is every component."""

    source: str
    target: str
    ports: tuple[int, ...]
    purpose: str
    udp: bool = False  # these ports by UDP too
    source_text: str
