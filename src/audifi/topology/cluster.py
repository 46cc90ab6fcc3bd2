"""Declare what is Kubernetes' own: namespaces, who stays when a node is full, who grows, what volumes are shared.

Between: topology.declaration (includes it), targets.kubernetes (renders it).
Why ws-gateway does not grow by itself: an address names its pod, so each pod has a Service and a rule at the edge
(docs/decisions/0046); viewers stay where they are, and two of three pods carry all 10,000 of them. Why the worker does
not: a signer's transactions have one order, and queues that grow are an alert.
Units: as the names say.
Invariant: pods at their most fit the namespace's quota and PgBouncer's client connections (tests/agreement).
Errors: ValueError for images that are no digests; KeyError for one that nothing runs.
Source: kubernetes.md acceptance checklist 1-10; design.md "Kubernetes Configuration".
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from audifi.topology.model.cluster import Cluster, JobPolicy, Namespace, Priority, Rollout, Scaling, SharedVolume
from audifi.topology.model.compute import Component, Kind
from audifi.topology.model.whole import Topology

CHECKLIST = "kubernetes.md acceptance checklist"
DECIDED = "decided here: twice the design's pods; 70 % leaves room while a pod starts"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")

CLUSTER = Cluster(
    version_min="1.36",
    dns_domain="cluster.local",
    namespaces=(
        Namespace(
            name="audifi",
            purpose="the platform: what serves, and where data is kept",
            kinds=(
                Kind.GATEWAY,
                Kind.SERVICE,
                Kind.WORKER,
                Kind.DATABASE,
                Kind.POOLER,
                Kind.CACHE,
                Kind.QUEUE,
            ),
            headroom_percent=50,
            source="design.md, Network Topology: KUBERNETES CLUSTER and DATA LAYER",
        ),
        Namespace(
            name="audifi-observability",
            purpose="what watches the platform",
            kinds=(Kind.OBSERVABILITY,),
            headroom_percent=100,
            source="design.md, Monitoring & Observability",
        ),
    ),
    priorities=(
        Priority(
            name="audifi-data",
            value=1_000_000,
            kinds=(Kind.DATABASE, Kind.POOLER, Kind.CACHE, Kind.QUEUE),
            source=f"{CHECKLIST} 10: everything waits for data",
        ),
        Priority(name="audifi-front", value=900_000, kinds=(Kind.GATEWAY,), source=f"{CHECKLIST} 10"),
        Priority(name="audifi-service", value=800_000, kinds=(Kind.SERVICE,), source=f"{CHECKLIST} 10"),
        Priority(
            name="audifi-background",
            value=700_000,
            kinds=(Kind.WORKER, Kind.OBSERVABILITY),
            source=f"{CHECKLIST} 10: nobody outside waits for it",
        ),
    ),
    scalings=tuple(
        Scaling(
            component=name,
            replicas_max=replicas_max,
            cpu_percent=70,
            grow_s=30,
            shrink_s=300,
            source=f"{CHECKLIST} 9; {DECIDED}",
        )
        for name, replicas_max in (
            ("api-gateway", 6),
            ("auth-service", 6),
            ("nft-service", 6),
            ("vstudio-service", 6),
            ("payment-service", 4),
            ("coin-service", 4),
            ("analytics-service", 4),
        )
    ),
    shared_volumes=(
        SharedVolume(
            name="content",
            storage_class="shared",  # any class with ReadWriteMany; patches/ says how to name yours
            size_gib=100,
            source="outbound.md 4: content waits there until it is pinned twice; size decided here",
        ),
    ),
    rollout=Rollout(surge=1, steady_s=10, deadline_s=600, revisions=5, source=f"{CHECKLIST} 7"),
    migration=JobPolicy(
        tries=3,
        deadline_s=900,
        kept_s=86_400,
        source="kernel/migrate.py: twelve tries of 5 s for a lock; an index may take minutes",
    ),
    pre_stop_s=5,
    scratch_mib=64,
    user_namespaces=True,
    source=f"{CHECKLIST} 2, 3, 6; Kubernetes 1.36 and the one after it",
)


def with_images(topology: Topology, digests: Mapping[str, str]) -> Topology:
    """The platform of a release: the digest of each component's image, by the component's name."""
    known = {component.name for component in topology.components if component.image is not None}
    if unknown := sorted(set(digests) - known):
        raise KeyError(f"no component {', '.join(unknown)} has an image; there are {', '.join(sorted(known))}")
    for name, digest in digests.items():
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"{name}: {digest!r} is no digest; expected sha256: and 64 hexadecimal digits")
    return replace(topology, components=tuple(_pinned(each, digests) for each in topology.components))


def without_digest(topology: Topology) -> tuple[str, ...]:
    """The components whose image is not pinned yet: a render of them is for reading, not for applying."""
    return tuple(each.name for each in topology.components if each.image is not None and not each.image.is_pinned)


def _pinned(component: Component, digests: Mapping[str, str]) -> Component:
    digest = digests.get(component.name)
    if digest is None or component.image is None:
        return component
    return replace(component, image=replace(component.image, digest=digest))
