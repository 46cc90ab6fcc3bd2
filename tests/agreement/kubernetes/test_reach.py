"""The NetworkPolicies, evaluated: exactly the links; what is cut or opened is named by its arrow.

Invariant: the evaluator is right about policies that are made up here, apart from what the renderer writes.
"""

import copy
from typing import Any

import pytest

from audifi.targets.files import File
from audifi.targets.kubernetes import reach
from audifi.targets.kubernetes.documents import COMPONENT
from audifi.targets.kubernetes.reach import Arrow
from audifi.targets.kubernetes.reading import Objects, dig
from audifi.topology import operators
from audifi.topology.declaration import platform

type_of_document = dict[str, Any]
PRODUCTION = platform("production")


@pytest.fixture
def documents(production: dict[str, list[type_of_document]]) -> list[type_of_document]:
    """A copy of the real set's policies with everything else, for changing."""
    return [copy.deepcopy(each) if each["kind"] == "NetworkPolicy" else each for each in production["base"]]


def _policy(documents: list[type_of_document], name: str) -> type_of_document:
    return next(each for each in documents if each["kind"] == "NetworkPolicy" and dig(each, "metadata.name") == name)


def _allowed(documents: list[type_of_document]) -> frozenset[Arrow]:
    return reach.allowed(Objects(documents), PRODUCTION)


def test_every_link_between_pods_is_open(documents: list[type_of_document]) -> None:
    declared = reach.declared(PRODUCTION)
    assert declared <= _allowed(documents)
    assert Arrow("nft-service", "pgbouncer", 5432) in declared
    assert Arrow("edge", "api-gateway", 10_443) in declared


def test_the_credentials_of_a_node_are_out_of_reach(documents: list[type_of_document]) -> None:
    assert not [arrow for arrow in _allowed(documents) if arrow.target == reach.METADATA]


def test_a_link_cut_at_either_end_is_cut(documents: list[type_of_document]) -> None:
    arrow = Arrow("worker", "redis-queue", 6380)
    assert arrow in _allowed(documents)
    for name, side in (("worker", "egress"), ("redis-queue", "ingress")):
        changed = copy.deepcopy(documents)
        _policy(changed, name)["spec"].pop(side)
        assert arrow not in _allowed(changed)


def test_without_default_deny_a_pod_nobody_selects_is_open(documents: list[type_of_document]) -> None:
    arrow = Arrow("internet", "auth-service", 3001)
    assert arrow not in _allowed(documents)
    closed = ("default-deny", "everyone", "auth-service")
    opened = [each for each in documents if each["kind"] != "NetworkPolicy" or dig(each, "metadata.name") not in closed]
    assert arrow in _allowed(opened)


def test_a_range_of_ports_is_every_port_of_it(documents: list[type_of_document]) -> None:
    rule: type_of_document = {
        "from": [{"podSelector": {}}],
        "ports": [{"protocol": "TCP", "port": 3000, "endPort": 3010}],
    }
    _policy(documents, "auth-service")["spec"]["ingress"].append(rule)
    _policy(documents, "coin-service")["spec"]["egress"].append({})
    assert Arrow("coin-service", "auth-service", 3005) in _allowed(documents)
    assert Arrow("coin-service", "auth-service", 9101) not in _allowed(documents)


def test_a_peer_of_another_namespace_needs_its_selector(documents: list[type_of_document]) -> None:
    arrow = Arrow("prometheus", "auth-service", 9101)
    assert arrow in _allowed(documents)
    for rule in _policy(documents, "auth-service")["spec"]["ingress"]:
        for peer in rule["from"]:
            peer.pop("namespaceSelector", None)
    assert arrow not in _allowed(documents)


def test_pods_of_charts_carry_the_component_that_policies_know(files: tuple[File, ...]) -> None:
    values = "\n".join(file.text for file in files if file.path.startswith("values/"))
    missing = [name for name in operators.BY_CHART if f"{COMPONENT}: {name}" not in values]
    assert not missing
    assert "type: GatewayNamespace" in values, "gateways' pods would be where no policy of ours is"
