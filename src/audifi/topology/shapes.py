"""Say once what all components of a shape share: our services, our gateways, hosted products, infrastructure.

Between: topology.declaration and topology.supporting (name what differs) and model.compute (holds the result).
Units: thousandths of a CPU, MiB, seconds.
Why a shape: the design gives one Deployment as the example for all six services; writing its numbers six times
would let five of them drift.
Errors: none.
Source: design.md "Kubernetes Configuration"; domain.md 5.3, 9.56; kubernetes.md acceptance checklist 5-8.
"""

from collections.abc import Sequence

from audifi.topology.model.compute import (
    Availability,
    Component,
    Image,
    Kind,
    Port,
    Probe,
    Probes,
    Resources,
    Zone,
)
from audifi.topology.references import Value

TEMPLATE = "design.md, Kubernetes Configuration (auth-service, the template of all services)"
ZONE_AND_HOST = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")

DESIGN_RESOURCES = Resources(
    cpu_request_m=100, cpu_limit_m=500, memory_request_mib=256, memory_limit_mib=512, source=TEMPLATE
)


def probes(port: str) -> Probes:
    """The design's two probes with its delays; startup allows a slow first connection (30 × 2 s)."""
    return Probes(
        liveness=Probe(port=port, path="/health", initial_delay_s=10),
        # Longer than the 2 s after which /ready calls a store degraded: the pod is ready still (kernel/health.py).
        readiness=Probe(port=port, path="/ready", initial_delay_s=5, period_s=5, timeout_s=3, failures=2),
        startup=Probe(port=port, path="/health", period_s=2, failures=30),
        source=f"{TEMPLATE}; periods: Kubernetes defaults, readiness 5 s × 2 so that a bad pod leaves within 13 s",
    )


def accepts(port: str, *, source: str) -> Probes:
    """Probes of a server that is not ours: its port accepts a connection."""
    probe = Probe(port=port, period_s=5)
    return Probes(liveness=probe, readiness=probe, startup=Probe(port=port, period_s=2, failures=30), source=source)


def availability(*, drain_s: int = 10, grace_s: int = 45) -> Availability:
    """One pod at a time is taken away, and no two share a node.

    drain 10 s: longer than endpoint propagation (kubernetes.md 6); grace 45 s: drain plus the gateway's 30 s deadline.
    """
    return Availability(
        max_unavailable=1,
        spread=ZONE_AND_HOST,
        drain_s=drain_s,
        grace_s=grace_s,
        source="kubernetes.md acceptance checklist 6-8 (prefers maxUnavailable); domain.md 9.56 (PDB)",
    )


def image(name: str) -> Image:
    """Our image of that name, pinned by the digest of the release that is rendered."""
    return Image(
        repository=f"ghcr.io/audifi/{name}",
        digest="release",
        source="design.md (repository); architecture.md 6.7: digests instead of :latest",
    )


def service(  # keyword-only: what differs between the six
    name: str,
    *,
    number: int,
    metrics: int,
    replicas: int,
    purpose: str,
    source: str,
    arrives_in: str = "",
    environment: Sequence[tuple[str, Value]] = (),
    kind: Kind = Kind.SERVICE,
) -> Component:
    """One of ours behind a gateway: stateless, HTTP and metrics ports, the design's resources and probes."""
    return Component(
        name=name,
        kind=kind,
        purpose=purpose,
        zone=Zone.PRIVATE,
        replicas=replicas,
        ports=(Port(name="http", number=number), Port(name="metrics", number=metrics)),
        resources=DESIGN_RESOURCES,
        probes=probes("http"),
        availability=availability(),
        image=image(name),
        environment=tuple(environment),
        arrives_in=arrives_in,
        source=source,
    )


def hosted(  # keyword-only: what differs between third parties
    name: str,
    *,
    purpose: str,
    external_name: str,
    source: str,
    arrives_in: str,
    kind: Kind = Kind.PROVIDER,
    zone: Zone = Zone.OUTSIDE,
    ports: tuple[Port, ...] = (Port(name="https", number=443),),
    stands_in: str = "",
) -> Component:
    """A product somebody else runs: not ours to size or probe; on one machine something stands in for it."""
    return Component(
        name=name,
        kind=kind,
        purpose=purpose,
        zone=zone,
        replicas=1,
        single_because="its provider runs it",
        ports=ports,
        external_name=external_name,
        arrives_in=arrives_in,
        stands_in=stands_in,
        source=source,
    )
