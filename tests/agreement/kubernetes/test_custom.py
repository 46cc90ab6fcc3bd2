"""The judge of custom kinds: each planted fault is named, and its lawful neighbour is admitted.

Invariant: a judge that cannot refuse is no judge; the documents here are made up, so that only one thing is wrong.
"""

import copy
from typing import Any

import pytest
from tests.agreement.kubernetes import crds, custom

type_of_document = dict[str, Any]


def _custom(api_version: str, kind: str, **spec: object) -> type_of_document:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "planted"},
        "spec": spec,
    }


def _route(**rule: object) -> type_of_document:
    return _custom(
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        parentRefs=[{"name": "edge"}],
        rules=[{"backendRefs": [{"name": "auth-service", "port": 3001}], **rule}],
    )


def _certificate(**changed: object) -> type_of_document:
    spec: type_of_document = {"secretName": "tls", "issuerRef": {"name": "letsencrypt"}, "dnsNames": ["audifi.io"]}
    return _custom("cert-manager.io/v1", "Certificate", **(spec | changed))


def _cluster(**changed: object) -> type_of_document:
    spec: type_of_document = {"instances": 3, "storage": {"size": "100Gi"}}
    return _custom("postgresql.cnpg.io/v1", "Cluster", **(spec | changed))


def _monitor(**endpoint: object) -> type_of_document:
    return _custom(
        "monitoring.coreos.com/v1", "ServiceMonitor", selector={}, endpoints=[{"port": "metrics", **endpoint}]
    )


LAWFUL = (
    _route(),
    _route(timeouts={"request": "30s", "backendRequest": "10s"}),
    _certificate(),
    _certificate(secretTemplate=None),  # a null counts as absent
    _cluster(),
    _monitor(interval="15s"),
)
PLANTED = (
    ("an unknown field", _certificate(dnsName="audifi.io"), "'dnsName' was unexpected"),
    ("a missing field", _custom("cert-manager.io/v1", "Certificate", dnsNames=["a.io"]), "'issuerRef' is a required"),
    ("a wrong type", _cluster(instances="three"), "spec.instances: 'three' is not of type 'integer'"),
    ("a number too low", _cluster(instances=0), "spec.instances: 0 is less than the minimum of 1"),
    ("a word that is none", _certificate(privateKey={"rotationPolicy": "Sometimes"}), "rotationPolicy: 'Sometimes'"),
    ("a duration that is none", _monitor(interval="often"), "spec.endpoints.0.interval: 'often' does not match"),
    (
        "a promise within a promise: CEL",
        _route(timeouts={"request": "10s", "backendRequest": "30s"}),
        "backendRequest timeout cannot be longer than request timeout",
    ),
    ("a backend without its port: CEL", _route(backendRefs=[{"name": "auth-service"}]), "Must have port for Service"),
    (
        "two listeners of one name: keys of a list",
        _custom(
            "gateway.networking.k8s.io/v1",
            "Gateway",
            gatewayClassName="envoy",
            listeners=[{"name": "https", "port": port, "protocol": "HTTP"} for port in (80, 81)],
        ),
        "https is there more than once",
    ),
    ("a kind nobody defines", _custom("audifi.io/v1", "Wish"), "nobody defines Wish of audifi.io/v1"),
    ("a version that is not served", _custom("cert-manager.io/v1alpha2", "Certificate"), "nobody defines Certificate"),
)


@pytest.mark.parametrize("document", LAWFUL, ids=lambda document: document["kind"])
def test_what_is_lawful_is_admitted(document: type_of_document) -> None:
    before = copy.deepcopy(document)
    assert custom.faults(document) == []
    assert document == before, "the judge changed what it judged"


@pytest.mark.parametrize(("document", "words"), [case[1:] for case in PLANTED], ids=[case[0] for case in PLANTED])
def test_a_planted_fault_is_named(document: type_of_document, words: str) -> None:
    assert any(words in fault for fault in custom.faults(document)), custom.faults(document)


def test_a_missing_folder_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIFI_SCHEMAS", "/nowhere")
    with pytest.raises(crds.SchemasMissing, match="set AUDIFI_SCHEMAS"):
        crds.folder()
