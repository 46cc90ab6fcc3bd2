"""Render NetworkPolicies: nothing is allowed, then exactly the links and what operators need.

    every namespace     default-deny: no pod hears or says anything; names: every pod may ask kube-dns
    every component     one policy, both ways: whom it may call (egress) and who may call it (ingress)

Between: topology.links and topology.operators (what is allowed), targets.kubernetes.reach (evaluates the result).
Shape: pods are meant by `audifi.io/component`, which operators' and charts' pods carry too, and so do a component's
jobs. A link is allowed twice, at its source and at its target: cutting one end is enough to cut it. Third parties are
public addresses on the link's port: a policy knows no host names (`audifi.io/egress-hosts` says which are meant).
A link that goes `through` a zone reaches its target by that zone's gateway, on the pods' layer-4 ports.
Invariant: an address that hands out a node's credentials is never reachable (operators.NOT_PUBLIC).
Errors: KeyError when an access names somebody who is neither a component nor an outsider.
Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/; domain.md 5.3 (default deny).
"""

from collections.abc import Iterable, Iterator

from audifi.targets.kubernetes.documents import Json, document, identity, labels, namespace
from audifi.topology import operators
from audifi.topology.model.compute import Component
from audifi.topology.model.network import Link
from audifi.topology.model.operators import Access, Outsider
from audifi.topology.model.whole import Topology

API = "networking.k8s.io/v1"
NAMESPACE_NAME = "kubernetes.io/metadata.name"
ENTRANCE = "ws-balancer"  # whose pods hold the layer-4 addresses of live pods
EVERYONE = "*"
Allowed = tuple[tuple[Json, ...], tuple[Json, ...]]  # peers and ports


def documents(topology: Topology) -> tuple[Json, ...]:
    """The closed doors of each namespace, then one policy per component that has pods."""
    closed = [policy for each in topology.cluster.namespaces for policy in (_deny(each.name), _names(each.name))]
    open_ = [_policy(topology, component) for component in topology.components if has_pods(component)]
    named = {each.name for each in topology.cluster.namespaces}
    machinery = [_of_outsider(topology, each) for each in operators.OUTSIDERS if each.namespace in named]
    return (*closed, *open_, *machinery)


def has_pods(component: Component) -> bool:
    """Whether it runs in the cluster."""
    return not component.external_name


def _deny(where: str) -> Json:
    head = {"name": "default-deny", "namespace": where, "labels": _ours()}
    return document(API, "NetworkPolicy", head, spec={"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})


def _names(where: str) -> Json:
    """What every pod of a namespace may ask: accesses of everyone."""
    head = {"name": "everyone", "namespace": where, "labels": _ours()}
    rules = [
        {"to": list(_outsider(each.target)), "ports": _ports(each)}
        for each in operators.ACCESSES
        if each.source == EVERYONE
    ]
    return document(API, "NetworkPolicy", head, spec={"podSelector": {}, "policyTypes": ["Egress"], "egress": rules})


def _ours() -> dict[str, str]:
    return {"app.kubernetes.io/part-of": "audifi", "app.kubernetes.io/managed-by": "audifi"}


def _policy(topology: Topology, component: Component) -> Json:
    head: Json = {
        "name": component.name,
        "namespace": namespace(topology, component),
        "labels": labels(component),
    }
    if hosts := _hosts(topology, component):
        head["annotations"] = {"audifi.io/egress-hosts": " ".join(hosts)}
    spec: Json = {"podSelector": {"matchLabels": identity(component)}, "policyTypes": ["Ingress", "Egress"]}
    if ingress := _merged(_ingress(topology, component), "from"):
        spec["ingress"] = ingress
    if egress := _merged(_egress(topology, component), "to"):
        spec["egress"] = egress
    return document(API, "NetworkPolicy", head, spec=spec)


def _of_outsider(topology: Topology, who: Outsider) -> Json:
    """What a chart's own machinery in a namespace of ours needs."""
    head = {"name": who.name, "namespace": who.namespace, "labels": _ours()}
    spec: Json = {"podSelector": {"matchLabels": dict(who.labels)}, "policyTypes": ["Ingress", "Egress"]}
    heard = ((_who(topology, None, each.source), each) for each in operators.ACCESSES if each.target == who.name)
    told = ((_who(topology, None, each.target), each) for each in operators.ACCESSES if each.source == who.name)
    for side, key, allowed in (("ingress", "from", heard), ("egress", "to", told)):
        if rules := _merged(((peers, tuple(_ports(access))) for peers, access in allowed), key):
            spec[side] = rules
    return document(API, "NetworkPolicy", head, spec=spec)


def _hosts(topology: Topology, component: Component) -> list[str]:
    """The third parties it may call, by name."""
    called = (topology.component(link.target) for link in topology.links_from(component.name))
    return sorted({each.external_name for each in called if each.external_name})


def _ingress(topology: Topology, component: Component) -> Iterator[Allowed]:
    for link in topology.links_to(component.name):
        if link.through is None:
            yield _peer(topology, component, link.source), (_port(topology, link),)
    if component.name == ENTRANCE:
        for link in _live(topology):
            yield _edge(), tuple(_tcp(number) for number in pod_ports(topology, link.target))
        yield _edge(), (_tcp(operators.HTTP),)
    if component.name == "api-gateway":
        yield _edge(), (_tcp(operators.HTTP),)
    for access in operators.ACCESSES:
        if access.target == component.name:
            yield _who(topology, component, access.source), tuple(_ports(access))


def _egress(topology: Topology, component: Component) -> Iterator[Allowed]:
    for link in topology.links_from(component.name):
        yield _peer(topology, component, link.target), (_port(topology, link),)
    for access in operators.ACCESSES:
        if access.source == component.name:
            yield _who(topology, component, access.target), tuple(_ports(access))


def _live(topology: Topology) -> tuple[Link, ...]:
    """Links that reach their target by a layer-4 address of the entrance."""
    return tuple(link for link in topology.links if link.through is not None)


def pod_ports(topology: Topology, component: str) -> tuple[int, ...]:
    """The layer-4 port of each pod of a live component, in the order of its pods."""
    return operators.POD_PORTS[: topology.component(component).replicas]


def _port(topology: Topology, link: Link) -> Json:
    target = topology.component(link.target)
    return _tcp(operators.port(target.name, link.port, target.port(link.port).number))


def _tcp(number: int) -> Json:
    return {"protocol": "TCP", "port": number}


def _ports(access: Access) -> list[Json]:
    udp: list[Json] = [{"protocol": "UDP", "port": number} for number in access.ports] if access.udp else []
    return [*udp, *(_tcp(number) for number in access.ports)]


def _peer(topology: Topology, here: Component, name: str) -> tuple[Json, ...]:
    """Somebody at the other end of a link, seen from `here`."""
    component = topology.component(name)
    if component.name == "edge":
        return _edge()
    if component.external_name:
        return ({"ipBlock": {"cidr": "0.0.0.0/0", "except": list(operators.NOT_PUBLIC)}},)
    return _pods(topology, here, component)


def _pods(topology: Topology, here: Component | None, there: Component) -> tuple[Json, ...]:
    where = namespace(topology, there)
    chosen: Json = {"podSelector": {"matchLabels": identity(there)}}
    if here is not None and where == namespace(topology, here):
        return (chosen,)
    return ({"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: where}}, **chosen},)


def _who(topology: Topology, here: Component | None, name: str) -> tuple[Json, ...]:
    """Somebody at the other end of an access."""
    if any(component.name == name for component in topology.components):
        return _pods(topology, here, topology.component(name))
    return _outsider(name)


def outsider(name: str) -> Outsider:
    """The outsider of that name."""
    known = {each.name: each for each in operators.OUTSIDERS}
    if name not in known:
        raise KeyError(f"an access names {name!r}, who is no component and no outsider ({', '.join(known)})")
    return known[name]


def _outsider(name: str) -> tuple[Json, ...]:
    who = outsider(name)
    if who.networks:
        return _blocks(who.networks)
    chosen = {
        "namespaceSelector": {"matchLabels": {NAMESPACE_NAME: who.namespace}},
        "podSelector": {"matchLabels": dict(who.labels)},
    }
    return (chosen,)


def _edge() -> tuple[Json, ...]:
    return _blocks(operators.EDGE_NETWORKS)


def _blocks(networks: Iterable[str]) -> tuple[Json, ...]:
    return tuple({"ipBlock": {"cidr": network}} for network in networks)


def _merged(allowed: Iterable[Allowed], side: str) -> list[Json]:
    """One rule per set of ports, so that a reader sees who shares them, and one per set of peers; nothing twice."""
    rules: list[tuple[list[Json], list[Json]]] = []
    for peers, ports in allowed:
        by_ports = next((rule for rule in rules if rule[1] == list(ports)), None)
        by_peers = next((rule for rule in rules if rule[0] == list(peers)), None)
        if by_ports is not None:
            by_ports[0].extend(peer for peer in peers if peer not in by_ports[0])
        elif by_peers is not None:
            by_peers[1].extend(port for port in ports if port not in by_peers[1])
        else:
            rules.append((list(peers), list(ports)))
    return [{side: peers, "ports": ports} for peers, ports in rules]
