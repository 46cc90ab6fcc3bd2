"""Say where a swarm's viewers connect, and from where.

Between: play (asks), stage (knows the running platform) and viewer.
Shape: through the edge, to a pod by its name as a ticket's address has it, or to no pod in particular where a cookie
decides; or `direct` to the pods' own ports, to measure the pods without what stands before them.
Invariant: every run's viewers come from a network of their own, so that one run's connections do not count against the
next one's.
Units: *_per_s.
Source: wire/live/addresses.py; domain.md 3 (100 connections an address).
"""

import secrets
import ssl
from pathlib import Path
from typing import Final

from audifi.drills.journey.stage import Stage
from audifi.drills.swarm.crowd import Plan
from audifi.drills.swarm.crowds import divided
from audifi.drills.swarm.viewer import Lane, Watching
from audifi.local import resolution
from audifi.local.certificates import authority_directory
from audifi.local.ports import LOOPBACK
from audifi.sdk.client import application_origin
from audifi.wire.live.addresses import Affinity, named

CONNECTS_PER_S: Final = 500.0  # an audience that comes within seconds; two cores run both ends of it
GATEWAY: Final = "ws-gateway"


def lanes(opened: Stage, *, is_direct: bool) -> tuple[Lane, ...]:
    """Every way in; viewers take them in turn."""
    topology = opened.topology
    host = topology.domain("ws").host
    pods = topology.component(GATEWAY).pods
    if is_direct:
        return tuple(Lane(LOOPBACK, opened.port(pod, "http"), host, is_tls=False) for pod in pods)
    edge = resolution.port(opened.instance, topology, "edge-1", "https")
    names = [named(pod) for pod in pods] if topology.surface.websocket.affinity is Affinity.TICKET else [""]
    return tuple(Lane(LOOPBACK, edge, host, is_tls=True, prefix=name) for name in names)


def plans(opened: Stage, session_id: str, ways: tuple[Lane, ...], viewers: int, directory: Path) -> list[Plan]:
    """One for each process."""
    shares, network = divided(viewers), 1 + secrets.randbelow(254)
    return [
        Plan(
            session_id=session_id,
            lanes=ways,
            origin=application_origin(opened.api_url),
            ca_file=_ca_file(opened),
            network=network,
            first=share.start,
            viewers=len(share),
            connects_per_s=CONNECTS_PER_S / len(shares),
            history=str(directory / f"{share.start}.jsonl"),
        )
        for share in shares
    ]


def watching(opened: Stage, session_id: str, ways: tuple[Lane, ...]) -> Watching:
    """What the voters share, who are in our own process."""
    trust = ssl.create_default_context(cafile=_ca_file(opened))
    return Watching(session_id, ways, application_origin(opened.api_url), trust)


def _ca_file(opened: Stage) -> str:
    return str(authority_directory(opened.instance.path) / "ca.pem")
