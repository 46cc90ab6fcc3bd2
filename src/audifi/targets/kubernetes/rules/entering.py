"""What comes in must arrive: routes, listeners, classes, policies, certificates and issuers that name one another.

Between: lint.py and the rendered set.
Errors: none.
Source: shared/kubernetes.md, seeded errors X03, X08; https://gateway-api.sigs.k8s.io/reference/spec/ (hostname
matching, ReferenceGrant).
"""

from collections.abc import Iterator
from typing import Any, Final

from audifi.targets.kubernetes.documents import Json
from audifi.targets.kubernetes.reading import Objects, dig, many, mapping, texts, where
from audifi.targets.kubernetes.rules.meeting import secrets_made
from audifi.targets.kubernetes.rules.rule import Rule, Seen
from audifi.topology.model.whole import Topology

ROUTES: Final = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute")
POLICIES: Final = ("BackendTrafficPolicy", "ClientTrafficPolicy", "SecurityPolicy", "EnvoyExtensionPolicy")


def routes_arrive(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """X03: the Service exists where the route says, with that port."""
    for route in objects.of(*ROUTES):
        for reference in _backends(route):
            if reference.get("kind", "Service") != "Service":
                continue
            place = reference.get("namespace") or dig(route, "metadata.namespace")
            service = objects.find("Service", place, reference["name"])
            ports = {port["port"] for port in many(service, "spec.ports")}
            wrong = "" if reference.get("port") in ports else f"no Service {place}/{reference['name']} on "
            yield where(route), wrong and f"{wrong}port {reference.get('port')}; it has {sorted(ports)}"
            yield from _granted(objects, route, place, reference)


def _backends(route: Json) -> list[Json]:
    filters = [each for rule in many(route, "spec.rules") for each in many(rule, "filters")]
    mirrors: list[Any] = [dig(each, "requestMirror.backendRef") for each in filters]
    listed = [each for rule in many(route, "spec.rules") for each in many(rule, "backendRefs")]
    return [*listed, *(each for each in mirrors if each)]


def _granted(objects: Objects, route: Json, place: str, reference: Json) -> Iterator[Seen]:
    """A Service of another namespace must have been opened to this one."""
    mine = dig(route, "metadata.namespace")
    if place == mine:
        return
    for grant in objects.of("ReferenceGrant"):
        sources = {(each["kind"], each["namespace"]) for each in many(grant, "spec.from")}
        opened = {(each["kind"], each.get("name")) for each in many(grant, "spec.to")}
        here = dig(grant, "metadata.namespace") == place and (route["kind"], mine) in sources
        if here and {("Service", None), ("Service", reference["name"])} & opened:
            return
    yield where(route), f"no ReferenceGrant in {place} lets {mine} send to {reference['name']}"


def routes_hang(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """A route's gateway and listener exist, and the listener has the route's host names."""
    for route in objects.of(*ROUTES):
        for parent in many(route, "spec.parentRefs"):
            place = parent.get("namespace") or dig(route, "metadata.namespace")
            gateway = objects.find(parent.get("kind", "Gateway"), place, parent["name"])
            listeners = [
                each for each in many(gateway, "spec.listeners") if parent.get("sectionName") in {None, each["name"]}
            ]
            if not listeners:
                yield where(route), f"hangs on {place}/{parent['name']}/{parent.get('sectionName')}: no such listener"
                continue
            for host in texts(route, "spec.hostnames") or [""]:
                taken = any(_covers(each.get("hostname", ""), host) for each in listeners)
                yield where(route), "" if taken else f"no listener of {parent['name']} takes {host}"


def _covers(pattern: str, host: str) -> bool:
    """Whether a listener's or certificate's name covers a host; a star is one label."""
    if not pattern or not host or pattern == host:
        return True
    return pattern.startswith("*.") and host.partition(".")[2] == pattern[2:]


def classes_exist(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """X08."""
    for gateway in objects.of("Gateway"):
        name: str = dig(gateway, "spec.gatewayClassName")
        yield where(gateway), "" if objects.find("GatewayClass", None, name) else f"there is no GatewayClass {name}"


def policies_aim(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """A gateway's policy that aims at nothing protects nothing."""
    for policy in objects.of(*POLICIES):
        for target in [*many(policy, "spec.targetRefs"), *filter(None, [dig(policy, "spec.targetRef")])]:
            found = objects.find(target["kind"], dig(policy, "metadata.namespace"), target["name"])
            section = target.get("sectionName")
            parts = {each.get("name") for path in ("spec.listeners", "spec.rules") for each in many(found, path)}
            wrong = "" if found else f"there is no {target['kind']} {target['name']}"
            yield where(policy), wrong or ("" if section in {None, *parts} else f"{target['name']} has no {section}")


def issuers_exist(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """A certificate waits for ever for an issuer that nobody made."""
    for certificate in objects.of("Certificate"):
        issuer = mapping(certificate, "spec.issuerRef")
        if issuer.get("group", "cert-manager.io") != "cert-manager.io":
            continue
        kind = issuer.get("kind", "Issuer")
        place = None if kind == "ClusterIssuer" else dig(certificate, "metadata.namespace")
        found = objects.find(kind, place, issuer["name"])
        yield where(certificate), "" if found else f"there is no {kind} {issuer['name']}"


def listeners_certified(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """Every TLS listener's certificate is made here, and covers its host."""
    for gateway in objects.of("Gateway"):
        for listener in many(gateway, "spec.listeners"):
            for reference in many(listener, "tls.certificateRefs"):
                place = reference.get("namespace") or dig(gateway, "metadata.namespace")
                yield where(gateway), _uncovered(objects, place, reference["name"], listener.get("hostname", ""))


def _uncovered(objects: Objects, place: str, secret: str, host: str) -> str:
    for certificate in objects.of("Certificate"):
        if (dig(certificate, "metadata.namespace"), dig(certificate, "spec.secretName")) == (place, secret):
            names = texts(certificate, "spec.dnsNames")
            covered = any(_covers(name, host) for name in names)
            return "" if covered else f"{where(certificate)} covers {names}, not {host}"
    made = secret in secrets_made(objects, place)  # brought from outside: its names are not ours to see
    return "" if made else f"nobody makes the Secret {place}/{secret}"


RULES: Final = (
    Rule(
        name="route-backend",
        says="Every route sends to a port that its Service has",
        remedy="take host and port from the component's declaration",
        look=routes_arrive,
    ),
    Rule(
        name="route-parent",
        says="Every route hangs on a listener that exists and takes its host names",
        remedy="name the Gateway's listener in sectionName, and give it the host",
        look=routes_hang,
    ),
    Rule(
        name="gateway-class",
        says="Every Gateway's class is in the set",
        remedy="render the GatewayClass",
        look=classes_exist,
    ),
    Rule(
        name="policy-target",
        says="Every policy of a gateway aims at something that exists",
        remedy="name the Gateway, listener or route as rendered",
        look=policies_aim,
    ),
    Rule(
        name="certificate-issuer",
        says="Every Certificate's issuer is in the set",
        remedy="render the issuer, or name another",
        look=issuers_exist,
    ),
    Rule(
        name="listener-certificate",
        says="Every TLS listener has a certificate that covers its host",
        remedy="add the host to the Certificate's dnsNames",
        look=listeners_certified,
    ),
)
