"""Judge third parties: which are dead, which uses hang on one of them, whom an alert reaches.

Between: topology.audit (runs RULES). Source of each rule: its docstring.
Errors: none; findings are notes.
"""

from collections.abc import Iterator
from typing import Final

from audifi.topology.model.whole import Topology
from audifi.topology.note import Note, Rule, error, warning

# Vendor and what of it is gone. Source: kubernetes.md "What is current and what is dead"; architecture.md 6.2, 6.9.
DEAD_OPERATIONS: Final = {
    ("NFT.Storage", "upload"): "its upload API is closed since 2024; register CIDs and pin elsewhere",
    ("Grafana OnCall OSS", "page"): "archived; use PagerDuty's escalation policy",
}
DEAD_IMAGES: Final = {
    "ingress-nginx": "retired in March 2026; use Gateway API with Envoy Gateway",
    "bitnami": "its images were removed in 2025-09; use the project's own",
    "promtail": "at its end; use Grafana Alloy",
    "minio": "unmaintained; use the cloud's object store",
    "oncall": "archived; use PagerDuty's escalation policy",
}
DEAD_CHAINS: Final = {5: "Goerli", 80_001: "Mumbai", 3: "Ropsten", 4: "Rinkeby", 84_531: "Base Goerli"}
TEST_CHAINS: Final = frozenset({11_155_111, 80_002, 84_532})
SEVERITIES: Final = ("critical", "warning", "info")


def vendors_are_alive(topology: Topology) -> Iterator[Note]:
    """What is closed answers nobody, however well we retry."""
    for provider in topology.providers:
        remedy = DEAD_OPERATIONS.get((provider.vendor, provider.operation))
        if remedy:
            yield error(
                "dead-vendor",
                provider.component,
                f"{provider.vendor} does not take {provider.operation} any more",
                remedy,
            )
    for component in topology.components:
        repository = component.image.repository if component.image else ""
        for name, remedy in DEAD_IMAGES.items():
            if name in repository:
                yield error("dead-vendor", component.name, f"{repository} is no longer maintained", remedy)
    product = topology.escalation.product
    if "OnCall" in product:
        yield error(
            "dead-vendor",
            "pagerduty",
            f"escalation by {product}: its open source edition is archived",
            "use PagerDuty's escalation policy",
        )


def chains_are_alive(topology: Topology) -> Iterator[Note]:
    """Test networks die; production must not run on one (domain.md 5.8)."""
    for chain in topology.chains:
        if chain.chain_id in DEAD_CHAINS:
            reason = f"chain {chain.chain_id} ({DEAD_CHAINS[chain.chain_id]}) is shut down"
            yield error("dead-chain", "alchemy", reason, "use Sepolia, Amoy or Base Sepolia")
        if topology.environment == "production" and chain.chain_id in TEST_CHAINS:
            yield error(
                "test-chain", "alchemy", f"production uses the test network {chain.name}", "use its main network"
            )


def fallbacks_exist(topology: Topology) -> Iterator[Note]:
    """The design promises a fallback for every chain, and a second copy of every pin."""
    known = {provider.name for provider in topology.providers if provider.use == "rpc"}
    for chain in topology.chains:
        if len(set(chain.providers) & known) < 2:
            reason = f"{chain.name} has {len(set(chain.providers) & known)} declared provider"
            yield error("fallback", "alchemy", reason, "declare a primary and a fallback")
    if sum(provider.use == "pinning" for provider in topology.providers) < 2:
        yield error("fallback", "pinata", "content is pinned at one place only", "declare a second pinning provider")


def alerts_reach_people(topology: Topology) -> Iterator[Note]:
    """An alert without a receiver is a log line."""
    known = {component.name for component in topology.components}
    routed = {route.severity: route.receiver for route in topology.alert_routes}
    for severity in SEVERITIES:
        if severity not in routed:
            yield error("alert-route", "alertmanager", f"{severity} alerts go nowhere", "declare a route")
        elif routed[severity] not in known:
            reason = f"{severity} alerts go to {routed[severity]}, which does not exist"
            yield error("alert-route", "alertmanager", reason, "name a declared component")
    times = [step.after_minutes for step in topology.escalation.steps]
    if len(times) < 2 or times != sorted(set(times)):
        yield warning(
            "escalation",
            "pagerduty",
            f"escalation after {times} minutes never reaches a second person",
            "add a later step",
        )


RULES: Final[tuple[Rule, ...]] = (vendors_are_alive, chains_are_alive, fallbacks_exist, alerts_reach_people)
