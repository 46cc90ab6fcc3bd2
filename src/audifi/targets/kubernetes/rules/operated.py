"""Pods that an operator makes: what the set can say of them is said: sizes, spread, rights, and how they roll.

Between: lint.py and the custom resources from which Envoy Gateway and CloudNativePG make pods.
Invariant: the operators' own habits (their users, probes and accounts) are theirs; here is what they leave to us.
Errors: ValueError for a quantity that is none.
Source: shared/kubernetes.md, acceptance checklist, Workload 2, 3, 7, 8; Envoy Gateway 1.9 EnvoyProxy and CloudNativePG
1.30 Cluster and Pooler (API references).
"""

from collections.abc import Iterator
from typing import Final

from audifi.targets.kubernetes.documents import COMPONENT, Json
from audifi.targets.kubernetes.reading import Objects, dig, many, mapping, texts, where
from audifi.targets.kubernetes.rules.pods import amount
from audifi.targets.kubernetes.rules.rule import Rule, Seen
from audifi.topology.model.whole import Topology

ENVOY: Final = "spec.provider.kubernetes.envoyDeployment"


def proxies_careful(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """Envoy's pods: as restricted as ours, kept apart, never all away, and known to the policies by their component."""
    for proxy in objects.of("EnvoyProxy"):
        pod, container = mapping(proxy, f"{ENVOY}.pod"), mapping(proxy, f"{ENVOY}.container")
        context = mapping(container, "securityContext")
        apart = {each["topologyKey"]: each["whenUnsatisfiable"] for each in many(pod, "topologySpreadConstraints")}
        budget = dig(proxy, "spec.provider.kubernetes.envoyPDB.maxUnavailable")
        name = mapping(pod, "labels").get(COMPONENT)
        faults = {
            _unsized(mapping(container, "resources")): True,
            "may be root": dig(pod, "securityContext.runAsNonRoot") is not True,
            "may write to its root": context.get("readOnlyRootFilesystem") is not True,
            "may escalate": context.get("allowPrivilegeEscalation") is not False,
            "keeps capabilities": texts(context, "capabilities.drop") != ["ALL"],
            "zones are not kept apart": apart.get("topology.kubernetes.io/zone") != "DoNotSchedule",
            "a drain of nodes may take all": budget != 1,
            "a rollout takes pods away": dig(proxy, f"{ENVOY}.strategy.rollingUpdate.maxUnavailable") != 0,
            f"carries the component {name}": name != dig(proxy, "metadata.name"),
            "drops connections at once": not dig(proxy, "spec.shutdown.drainTimeout"),
        }
        yield where(proxy), "; ".join(said for said, wrong in faults.items() if said and wrong)


def databases_sized(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """A Cluster and its Poolers: sizes, spread, and the label by which policies know them."""
    for cluster in objects.of("Cluster"):
        known = mapping(cluster, "spec.inheritedMetadata.labels").get(COMPONENT)
        unknown = [] if known else ["its pods carry no component: no policy lets anybody in"]
        yield where(cluster), "; ".join([*filter(None, [_unsized(mapping(cluster, "spec.resources"))]), *unknown])
    for pooler in objects.of("Pooler"):
        template = mapping(pooler, "spec.template")
        wrong = [_unsized(mapping(each, "resources")) for each in many(template, "spec.containers")]
        wrong += [] if mapping(template, "metadata.labels").get(COMPONENT) else ["its pods carry no component"]
        wrong += [] if many(template, "spec.topologySpreadConstraints") else ["zones are not kept apart"]
        wrong += [] if dig(pooler, "spec.instances") != 1 else ["one pod"]
        yield where(pooler), "; ".join(filter(None, wrong))


def _unsized(resources: Json) -> str:
    asked, most = mapping(resources, "requests"), mapping(resources, "limits")
    if missing := {"cpu", "memory"} - {*asked}:
        return f"no request of {', '.join(sorted(missing))}"
    if "memory" not in most:
        return "no limit of memory"
    return "" if amount(most["memory"]) >= amount(asked["memory"]) else "limit of memory below its request"


RULES: Final = (
    Rule(
        name="proxy-careful",
        says="Envoy's pods are sized, restricted, kept apart, drained, and carry their component's label",
        remedy="mend the EnvoyProxy in gateway.py",
        look=proxies_careful,
    ),
    Rule(
        name="database-sized",
        says="PostgreSQL's and PgBouncer's pods are sized, kept apart, and carry their component's label",
        remedy="mend the Cluster or Pooler in postgres.py",
        look=databases_sized,
    ),
)
