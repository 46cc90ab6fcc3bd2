"""Evaluate NetworkPolicies as the cluster would: who reaches whom, on which port; and say what the topology declares.

    allowed(objects, topology)   what the policies let through, by asking them about every pair and every port
    declared(topology)           the links and the accesses of operators, as arrows of the same kind

Between: the rendered set on one side, topology.links and topology.operators on the other; rules/confining.py compares.
Shape: policies only ever add up: a pod that none selects is open; one that some select is open to the sum of their
rules. An arrow needs its source's egress and its target's ingress. Written apart from policies.py, so that a mistake
there is not repeated here.
Pods that a chart makes are no objects of the set: they stand here with the label that the chart's values give them
(tests/agreement/kubernetes/test_reach.py looks there).
Invariant: pure. An address block takes pods' addresses too, as a network plugin may.
Errors: none.
Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/ ("The two sorts of pod isolation").
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from audifi.targets.kubernetes.documents import COMPONENT, Json, identity, namespace
from audifi.targets.kubernetes.reading import Objects, dig, many, mapping, selects, texts
from audifi.topology import operators
from audifi.topology.model.network import Link
from audifi.topology.model.whole import Topology

NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"
# Addresses to ask about: anybody on the internet (RFC 5737), the CDN, a node or the API server, and what must be
# out of reach: the address that hands out a node's credentials.
INTERNET, EDGE, PRIVATE, METADATA = "internet", "edge", "private address", "metadata address"
IDENTITY: Final = "workload-identity"
ADDRESSES: Final[Mapping[str, str]] = {
    INTERNET: "203.0.113.9",
    EDGE: str(next(ipaddress.ip_network(operators.EDGE_NETWORKS[0]).hosts())),
    PRIVATE: "10.255.255.1",
    METADATA: "169.254.169.254",
    IDENTITY: "169.254.169.252",
}
Way = tuple[int, str]  # port and protocol
ALWAYS_ASKED: Final = (22, 25, 53, 80, 443)


@dataclass(frozen=True, kw_only=True, slots=True)
class Party:
    """Somebody who may speak or be spoken to. `labels` is empty for who has only an address."""

    name: str
    address: str
    namespace: str = ""
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, order=True, slots=True)
class Arrow:
    """A connection that can be made."""

    source: str
    target: str
    port: int
    protocol: str = "TCP"

    def __str__(self) -> str:
        """Write it as people draw it."""
        return f"{self.source} → {self.target}:{self.port}" + ("" if self.protocol == "TCP" else "/UDP")


def parties(objects: Objects, topology: Topology) -> tuple[Party, ...]:
    """Everybody: pods of the set, of operators and charts, outsiders, and addresses beyond the cluster."""
    pods = [(each.labels.get(COMPONENT, each.where), each.namespace, each.labels) for each in objects.workloads]
    present = {name for name, _, _ in pods}
    pods += [
        (each.name, namespace(topology, each), identity(each))
        for each in topology.components
        if each.name in operators.OPERATED and each.name not in present
    ]
    pods += [(each.name, each.namespace, dict(each.labels)) for each in operators.OUTSIDERS if not each.networks]
    found = [_pod(number, name, place, labels) for number, (name, place, labels) in enumerate(pods, start=1)]
    return (*found, *(Party(name=name, address=address) for name, address in ADDRESSES.items()))


def _pod(number: int, name: str, place: str, labels: Mapping[str, str]) -> Party:
    """A pod with an address of its own, as a cluster gives them out: a private one."""
    address = f"10.128.{number // 256}.{number % 256}"
    return Party(name=name, namespace=place, labels=tuple(sorted(labels.items())), address=address)


def allowed(objects: Objects, topology: Topology) -> frozenset[Arrow]:
    """What the policies let through between these parties; from and to nobody of ours is not ours to judge."""
    everybody = parties(objects, topology)
    policies = objects.of("NetworkPolicy")
    ports = {*ALWAYS_ASKED, *_mentioned(policies), *(arrow.port for arrow in declared(topology))}
    ways = frozenset((port, protocol) for port in ports for protocol in ("TCP", "UDP"))
    places = _places(topology)
    pairs = [(a, b) for a in everybody for b in everybody if {a.namespace, b.namespace} & places]
    doors = _Doors(objects, policies, ways)
    return frozenset(
        Arrow(source.name, target.name, *way)
        for source, target in pairs
        for way in doors.open(source, target, "egress") & doors.open(target, source, "ingress")
    )


def declared(topology: Topology) -> frozenset[Arrow]:
    """The same, as the topology has it. Third parties are one party: a policy knows no host names."""
    return frozenset([*_of_links(topology), *_of_accesses(topology)])


def _of_links(topology: Topology) -> Iterator[Arrow]:
    for link in topology.links:
        source, target = _end(topology, link.source), _end(topology, link.target)
        if {source, target} <= {*ADDRESSES}:
            continue  # neither end is in the cluster
        if link.through is not None:
            yield from _through(topology, link, source)
            continue
        number = topology.component(link.target).port(link.port).number
        yield Arrow(source, target, operators.PORTS.get((link.target, link.port), number))
        if source == EDGE:  # answered with a redirect to HTTPS
            yield Arrow(source, target, operators.HTTP)


def _through(topology: Topology, link: Link, source: str) -> Iterator[Arrow]:
    """By the layer-4 addresses of the zone's gateway; from there on it is that gateway's own link."""
    direct = (each for each in topology.links_to(link.target) if each.through is None)
    entrances = [each.source for each in direct if each.port == link.port]
    for entrance in entrances:
        for number in operators.POD_PORTS[: topology.component(link.target).replicas]:
            yield Arrow(source, entrance, number)


def _of_accesses(topology: Topology) -> Iterator[Arrow]:
    pods = [each.name for each in topology.components if not each.external_name]
    networks = {each.name: _address_of(each.networks) for each in operators.OUTSIDERS if each.networks}
    others = [each.name for each in operators.OUTSIDERS if not each.networks and each.namespace in _places(topology)]
    for access in operators.ACCESSES:
        for source in [*pods, *others] if access.source == "*" else [access.source]:
            for port in access.ports:
                arrow = (networks.get(source, source), networks.get(access.target, access.target), port)
                yield from (Arrow(*arrow, protocol) for protocol in (("TCP", "UDP") if access.udp else ("TCP",)))


def _places(topology: Topology) -> set[str]:
    return {each.name for each in topology.cluster.namespaces}


def _address_of(networks: Iterable[str]) -> str:
    """The party that stands for these networks."""
    blocks = [ipaddress.ip_network(each) for each in networks]
    return next(
        name for name, address in ADDRESSES.items() if any(ipaddress.ip_address(address) in block for block in blocks)
    )


def _end(topology: Topology, name: str) -> str:
    component = topology.component(name)
    if name == EDGE:
        return EDGE
    return INTERNET if component.external_name else name


def _mentioned(policies: Iterable[Json]) -> set[int]:
    rules = [rule for policy in policies for side in ("ingress", "egress") for rule in many(policy, f"spec.{side}")]
    return {port["port"] for rule in rules for port in many(rule, "ports") if isinstance(port.get("port"), int)}


class _Doors:
    """The policies, and who is meant by them."""

    def __init__(self, objects: Objects, policies: Iterable[Json], ways: frozenset[Way]) -> None:
        self._policies = tuple(policies)
        self._ways = ways
        self._places = {
            dig(each, "metadata.name"): {str(k): str(v) for k, v in mapping(each, "metadata.labels").items()}
            for each in objects.of("Namespace")
        }
        self._rules: dict[tuple[Party, str], list[tuple[Json, Json, frozenset[Way]]] | None] = {}

    def open(self, here: Party, there: Party, side: str) -> frozenset[Way]:
        """What the policies at this end let through to or from the other."""
        if (here, side) not in self._rules:
            self._rules[here, side] = self._read(here, side)
        rules = self._rules[here, side]
        if rules is None:
            return self._ways
        let = [ways for policy, rule, ways in rules if self._lets(policy, rule, there)]
        return frozenset[Way]().union(*let)

    def _read(self, party: Party, side: str) -> list[tuple[Json, Json, frozenset[Way]]] | None:
        """The rules that hold for a party, with the ways of each; None if no policy holds: everything is open."""
        if not party.namespace:
            return None  # no pod: no policy of the cluster holds there
        holding = [
            policy
            for policy in self._policies
            if dig(policy, "metadata.namespace") == party.namespace
            and side.capitalize() in _types(policy)
            and selects(dig(policy, "spec.podSelector"), dict(party.labels))
        ]
        rules = [(policy, rule, self._taken(rule)) for policy in holding for rule in many(policy, f"spec.{side}")]
        return rules if holding else None

    def _taken(self, rule: Json) -> frozenset[Way]:
        ports = many(rule, "ports")
        return frozenset(way for way in self._ways if not ports or any(_takes(each, *way) for each in ports))

    def _lets(self, policy: Json, rule: Json, party: Party) -> bool:
        peers = [*many(rule, "from"), *many(rule, "to")]
        return not peers or any(self._means(policy, peer, party) for peer in peers)

    def _means(self, policy: Json, peer: Json, party: Party) -> bool:
        if block := dig(peer, "ipBlock"):
            address = ipaddress.ip_address(party.address)
            spared = any(address in ipaddress.ip_network(each) for each in texts(block, "except"))
            return address in ipaddress.ip_network(block["cidr"]) and not spared
        if not party.namespace:
            return False
        if "namespaceSelector" in peer:
            labels = {**self._places.get(party.namespace, {}), NAMESPACE_NAME: party.namespace}
            there = selects(peer["namespaceSelector"], labels)
        else:
            there = dig(policy, "metadata.namespace") == party.namespace
        return there and ("podSelector" not in peer or selects(peer["podSelector"], dict(party.labels)))


def _types(policy: Json) -> list[str]:
    """What it closes; Ingress always, and Egress if it has rules, where it does not say."""
    return texts(policy, "spec.policyTypes") or ["Ingress", *(["Egress"] if many(policy, "spec.egress") else [])]


def _takes(allowed_port: Json, port: int, protocol: str) -> bool:
    if allowed_port.get("protocol", "TCP") != protocol:
        return False
    first = allowed_port.get("port")
    if first is None:
        return True
    return isinstance(first, int) and first <= port <= int(allowed_port.get("endPort", first))
