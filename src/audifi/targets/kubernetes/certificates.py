"""Render what the gateways present, in both ways of the design.

    option 1, in base/      the CDN's origin certificate: a Secret from the store (secrets.origin-certificate), 15 years
                            at most, believed by the CDN alone, which asks for it by Full (strict)
    option 2, in options/   Let's Encrypt by cert-manager: a wildcard by DNS-01, renewed by itself; staging issuer too

Between: topology.surface.tls (which option, wildcard), gateway (names the Secret), topology.secrets (the DNS token).
Shape: option 2 fills the same Secret, so the gateways do not know which option it is; its overlay takes the store's
Secret away.
Units: hours, as cert-manager writes durations.
Invariant: the key is new at every renewal, ECDSA P-256; renewal starts while a third of the lifetime is left, long
before the alert (Tls.expiry_alert_days).
Errors: KeyError when the token is not declared.
Source: https://cert-manager.io/docs/configuration/acme/dns01/cloudflare/; design.md, Certificate Management; CAA: zone.
"""

from audifi.targets.kubernetes.documents import Json, document, labels, metadata, namespace
from audifi.targets.kubernetes.secrets import ORIGIN, Wanted, external, first
from audifi.topology import operators
from audifi.topology.model.whole import Topology

API = "cert-manager.io/v1"
TOKEN = "cloudflare-api-token"  # noqa: S105  # the secret's name
LIFETIME_H = 90 * 24
RENEW_H = 30 * 24  # left: a third, as Let's Encrypt asks
ISSUERS = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",  # for trying: no limits, no trust
}


def lets_encrypt(topology: Topology) -> tuple[Json, ...]:
    """Option 2: the token from the store, issuers, and the certificate that both gateways use."""
    return (
        external(topology, token(topology)),
        *(_issuer(topology, name, server) for name, server in ISSUERS.items()),
        _certificate(topology),
    )


def token(topology: Topology) -> Wanted:
    """What lets cert-manager answer Let's Encrypt's question in our zone: Zone.DNS edit, and nothing else."""
    name = topology.secret(TOKEN).name
    keys = {"token": "{{ " + first(name) + " }}"}
    return Wanted(name=TOKEN, component=topology.component("api-gateway"), entries=(name,), keys=keys)


def names(topology: Topology) -> tuple[str, ...]:
    """What the certificate is for: a wildcard where the topology says so, else each host that a gateway answers."""
    zone = topology.surface.dns.zone.rstrip(".")
    hosts = tuple(each.host for each in topology.domains if each.served_by in operators.BY_GATEWAY)
    if not topology.surface.tls.wildcard:
        return hosts
    return tuple(dict.fromkeys(f"*.{host.partition('.')[2] or zone}" for host in hosts))


def _issuer(topology: Topology, name: str, server: str) -> Json:
    zone = topology.surface.dns.zone.rstrip(".")
    solver = {
        "selector": {"dnsZones": [zone]},
        "dns01": {"cloudflare": {"apiTokenSecretRef": {"name": TOKEN, "key": "token"}}},
    }
    acme = {
        "server": server,
        "email": f"certificates@{zone}",
        "privateKeySecretRef": {"name": f"{name}-account"},
        "solvers": [solver],
    }
    component = topology.component("api-gateway")
    head = {"name": name, "namespace": namespace(topology, component), "labels": labels(component)}
    return document(API, "Issuer", head, spec={"acme": acme})


def _certificate(topology: Topology) -> Json:
    spec = {
        "secretName": ORIGIN,
        "dnsNames": list(names(topology)),
        "issuerRef": {"kind": "Issuer", "name": "letsencrypt"},
        "duration": f"{LIFETIME_H}h",
        "renewBefore": f"{RENEW_H}h",
        "privateKey": {"algorithm": "ECDSA", "size": 256, "encoding": "PKCS8", "rotationPolicy": "Always"},
        "usages": ["digital signature", "server auth"],
        "revisionHistoryLimit": 3,
    }
    head = metadata(topology, topology.component("api-gateway"), ORIGIN)
    return document(API, "Certificate", head, spec=spec)
