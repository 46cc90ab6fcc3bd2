"""Render the service mesh that is off: Linkerd as an option to add to an overlay.

    options/linkerd/kustomization.yaml    components: [../options/linkerd]

Between: topology.mesh (none), topology.links (ports that carry no HTTP), kustomize (includes the file).
Shape: namespaces ask for proxies; a policy lets proxies reach Linkerd's own; databases' ports are left out of the mesh:
PostgreSQL has TLS of its own, and a proxy adds nothing to Redis but time.
Invariant: policies still decide who may knock where: the proxy of a pod takes the pod's own ports.
Errors: none.
Known: pods stay `restricted` only with Linkerd's CNI plugin; its init container would want NET_ADMIN.
Source: https://linkerd.io/2/reference/proxy-configuration/; docs/decisions/0028.
"""

from collections.abc import Iterable

from audifi.targets.files import File, yaml_file, yaml_text
from audifi.targets.kubernetes.documents import Json, document
from audifi.topology import operators
from audifi.topology.model.compute import Component, Kind
from audifi.topology.model.whole import Topology

CONTROL = "linkerd"
CONTROL_PORTS = (8080, 8086, 8090)  # identity, destination, policy
KEEPING = (Kind.DATABASE, Kind.POOLER, Kind.CACHE, Kind.QUEUE)


def files(topology: Topology) -> tuple[File, ...]:
    """The component of kustomize and the policy that it brings."""
    sources = ("Mesh",)
    spaces = [space.name for space in topology.cluster.namespaces]
    return (
        yaml_file("options/linkerd/policies.yaml", [_policy(name) for name in spaces], sources),
        yaml_file("options/linkerd/kustomization.yaml", [_kustomization(topology, spaces)], sources),
    )


def _kustomization(topology: Topology, spaces: list[str]) -> Json:
    patches = [
        {
            "target": {"kind": "Namespace", "name": name},
            "patch": yaml_text([_asking(topology, name)], ()).partition("\n")[2],
        }
        for name in spaces
    ]
    return {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "resources": ["policies.yaml"],
        "patches": patches,
    }


def _asking(topology: Topology, name: str) -> Json:
    keeping = [each for each in topology.components if each.kind in KEEPING]
    own = {operators.port(each.name, port.name, port.number) for each in keeping for port in each.ports}
    asked = {port for access in operators.ACCESSES for port in access.ports if access.target in _names(keeping)}
    ports = sorted((own | asked) - {port.number for each in keeping for port in each.ports if port.name == "metrics"})
    left_out = ",".join(str(port) for port in ports)
    annotations = {
        "linkerd.io/inject": "enabled",
        "config.linkerd.io/skip-inbound-ports": left_out,
        "config.linkerd.io/skip-outbound-ports": left_out,
        "config.alpha.linkerd.io/proxy-enable-native-sidecar": "true",  # jobs end although a proxy runs beside them
    }
    return document("v1", "Namespace", {"name": name, "annotations": annotations})


def _names(components: Iterable[Component]) -> set[str]:
    return {each.name for each in components}


def _policy(where: str) -> Json:
    to = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": CONTROL}}}
    rule = {"to": [to], "ports": [{"protocol": "TCP", "port": port} for port in CONTROL_PORTS]}
    return document(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        {"name": "linkerd", "namespace": where, "labels": {"app.kubernetes.io/part-of": "audifi"}},
        spec={"podSelector": {}, "policyTypes": ["Egress"], "egress": [rule]},
    )
