"""What comes in must arrive: routes, listeners, classes, policies, certificates and issuers that name one another.

Between: lint.py and the rendered set.
Errors: none.
Source: shared/kubernetes.md, seeded errors X03, X08; https://gateway-api.sigs.k8s.io/reference/spec/ (hostname
matching, ReferenceGrant).
"""

from collections.abc import Iterator
from typing import Any, Final

from audifi.targets.kubernetes.documents import Json
from audifi.targets.kubernetes.reading import Objects, dig, many, mapping, selects, texts, where
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
        for selector in many(policy, "spec.targetSelectors"):
            yield (
                where(policy),
                "" if _aimed(objects, policy, selector) else f"its selector takes no {selector['kind']}",
            )


def _aimed(objects: Objects, policy: Json, selector: Json) -> list[Json]:
    """What a policy's selector takes."""
    here = [each for each in objects.of(selector["kind"]) if each["metadata"].get("namespace") == _place(policy)]
    return [each for each in here if selects(selector, mapping(each, "metadata.labels"))]


def _place(document: Json) -> str:
    return str(dig(document, "metadata.namespace"))


def _policies_of(objects: Objects, kind: str, route: Json) -> list[Json]:
    """The policies of a kind that hold for a route: by name or by label."""
    name = dig(route, "metadata.name")
    return [
        policy
        for policy in objects.of(kind)
        if any(each["name"] == name and each["kind"] == route["kind"] for each in many(policy, "spec.targetRefs"))
        or any(route in _aimed(objects, policy, each) for each in many(policy, "spec.targetSelectors"))
    ]


# A cookie is judged by the service that set it.
PUBLIC: Final = frozenset({"public", "cookie"})


def routes_guarded(objects: Objects, topology: Topology) -> Iterator[Seen]:
    """Every way into a service of ours checks tokens or says it is public; a stream has no deadline, others do."""
    for route in objects.of("HTTPRoute"):
        rules = many(route, "spec.rules")
        if not any(many(rule, "backendRefs") for rule in rules):
            yield from _redirects(route)
            continue
        live = [each for each in _backends(route) if each["name"] == topology.surface.websocket.component]
        guards = _policies_of(objects, "SecurityPolicy", route)
        wrong = [] if live or len(guards) == 1 else [f"{len(guards)} SecurityPolicies hold for it, not one"]
        access = mapping(route, "metadata.labels").get("audifi.io/access")
        tokens = [each for each in guards if many(each, "spec.jwt.providers")]
        wrong += ["asks for no token, and is not public"] if not live and not tokens and access not in PUBLIC else []
        wrong += (
            [] if len(_policies_of(objects, "BackendTrafficPolicy", route)) == 1 else ["no limits or breakers hold"]
        )
        wrong += [
            f"timeouts are {each.get('timeouts')}" for each in rules if live and dig(each, "timeouts.request") != "0s"
        ]
        yield where(route), "; ".join(wrong)


def _redirects(route: Json) -> Iterator[Seen]:
    filters = [each for rule in many(route, "spec.rules") for each in many(rule, "filters")]
    secure = any(
        (dig(each, "requestRedirect.scheme"), dig(each, "requestRedirect.statusCode")) == ("https", 301)
        for each in filters
    )
    yield where(route), "" if secure else "neither answers nor sends to HTTPS with 301"


def plaintext_redirected(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """A listener without TLS has nothing but a redirect; the others are TLS 1.2 at least, and for this namespace."""
    for gateway in objects.of("Gateway"):
        for listener in many(gateway, "spec.listeners"):
            routes = [each for each in objects.of(*ROUTES) if _hangs(each, gateway, listener)]
            plain = listener["protocol"] == "HTTP" and any(_backends(each) for each in routes)
            opened = dig(listener, "allowedRoutes.namespaces.from") == "All"
            wrong = ["serves without TLS"] if plain else []
            wrong += ["takes routes of every namespace"] if opened else []
            yield where(gateway), "; ".join(f"listener {listener['name']} {each}" for each in wrong)
        clients = [each for each in objects.of("ClientTrafficPolicy") if _is_for(each, gateway)]
        versions = [dig(each, "spec.tls.minVersion") for each in clients]
        wrong = "" if versions and all(each in {"1.2", "1.3"} for each in versions) else f"TLS from {versions}"
        hops = [dig(each, "spec.clientIPDetection.xForwardedFor") for each in clients]
        yield where(gateway), wrong or ("" if all(hops) else "believes any X-Forwarded-For")


def _hangs(route: Json, gateway: Json, listener: Json) -> bool:
    name = dig(gateway, "metadata.name")
    return any(
        parent["name"] == name and parent.get("sectionName") in {None, listener["name"]}
        for parent in many(route, "spec.parentRefs")
    )


def _is_for(policy: Json, gateway: Json) -> bool:
    name = dig(gateway, "metadata.name")
    return any(each["kind"] == "Gateway" and each["name"] == name for each in many(policy, "spec.targetRefs"))


def certificates_renew(objects: Objects, topology: Topology) -> Iterator[Seen]:
    """X11, and keys that change with each certificate; who issues is who the zone allows to."""
    allowed = " ".join(record.value for record in topology.surface.dns_records if record.type == "CAA")
    for certificate in objects.of("Certificate"):
        spec = mapping(certificate, "spec")
        lasts, before = (_hours(str(spec.get(key))) for key in ("duration", "renewBefore"))
        wrong = [] if 0 < before < lasts else [f"renewBefore {spec.get('renewBefore')} of {spec.get('duration')}"]
        wrong += [] if dig(spec, "privateKey.algorithm") == "ECDSA" else ["the key is not ECDSA"]
        wrong += [] if dig(spec, "privateKey.rotationPolicy") == "Always" else ["the key never changes"]
        yield where(certificate), "; ".join(wrong)
    for issuer in objects.of("Issuer", "ClusterIssuer"):
        authority = "letsencrypt.org" if "letsencrypt.org" in str(dig(issuer, "spec.acme.server")) else ""
        solvers = many(issuer, "spec.acme.solvers")
        wrong = [] if authority and authority in allowed else [f"the zone's CAA allows {allowed}"]
        wrong += [] if all("dns01" in each for each in solvers) else ["a wildcard needs dns01"]
        yield where(issuer), "; ".join(wrong)


def _hours(duration: str) -> int:
    return int(duration.removesuffix("h")) if duration.endswith("h") else 0


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
    Rule(
        name="route-guarded",
        says="Every route has one SecurityPolicy (tokens, or public by name), limits and breakers; streams no deadline",
        remedy="label the route with audifi.io/access and audifi.io/traffic",
        look=routes_guarded,
    ),
    Rule(
        name="plaintext-redirected",
        says="Listeners without TLS only redirect; TLS is 1.2 at least; trusted hops are counted",
        remedy="hang the route on the https listener",
        look=plaintext_redirected,
    ),
    Rule(
        name="certificate-renews",
        says="Certificates: ECDSA, new keys, renewed in time, issued by whom CAA allows, wildcards by DNS",
        remedy="mend certificates.py or the zone's CAA",
        look=certificates_renew,
    ),
)
