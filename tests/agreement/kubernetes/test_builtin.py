"""Built-in kinds pass Kubernetes' own schema, strictly, for two versions; custom kinds pass their authors' rules.

Invariant: every document of the set is judged by one of the two; a group that neither knows is an exception with a
reason, and there may be no others.
"""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.agreement.kubernetes import builtin, crds, custom

from audifi.targets.kubernetes.reading import where

type_of_document = dict[str, Any]

# Groups whose definitions are not among the published ones here, and what was done instead.
UNJUDGED = {
    "barmancloud.cnpg.io": "the plugin's ObjectStore: its definition is not in shared/schemas; read against its docs",
}
PLANTED: tuple[tuple[str, str, Callable[[type_of_document], object], str], ...] = (
    ("a field misspelt", "Deployment", lambda d: d["spec"].update(replica=3), "'replica' was unexpected"),
    ("a field too deep", "Deployment", lambda d: _pod(d).update(readinessProbe={}), "'readinessProbe' was unexpected"),
    ("a text for a number", "Deployment", lambda d: d["spec"].update(minReadySeconds="5s"), "not of type 'integer'"),
    ("a selector forgotten", "Deployment", lambda d: d["spec"].pop("selector"), "'selector' is a required"),
    ("a port without its number", "Service", lambda d: d["spec"]["ports"][0].pop("port"), "'port' is a required"),
    ("a kind misspelt", "Service", lambda d: d.update(kind="Servise"), "has no Servise of v1"),
    ("an API long gone", "PodDisruptionBudget", lambda d: d.update(apiVersion="policy/v1beta1"), "of policy/v1beta1"),
    ("one object for a list", "NetworkPolicy", lambda d: d["spec"].update(ingress={}), "is not of type 'array'"),
)


def _pod(document: type_of_document) -> type_of_document:
    return document["spec"]["template"]["spec"]


def _group(document: type_of_document) -> str:
    return str(document["apiVersion"]).rpartition("/")[0]


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("version", builtin.VERSIONS)
def test_built_in_kinds_keep_to_the_schema(documents: list[type_of_document], version: str) -> None:
    ours = [each for each in documents if _group(each) not in crds.groups() | UNJUDGED.keys()]
    found = [
        (each["kind"], each["metadata"]["name"], fault) for each in ours for fault in builtin.faults(each, version)
    ]
    assert {each["kind"] for each in ours} >= {"Deployment", "StatefulSet", "Service", "NetworkPolicy", "Job"}
    assert not found


@pytest.mark.usefixtures("published")
def test_custom_kinds_keep_to_their_authors_rules(documents: list[type_of_document]) -> None:
    theirs = [each for each in documents if _group(each) in crds.groups()]
    found = [(where(each), fault) for each in theirs for fault in custom.faults(each)]
    assert {each["kind"] for each in theirs} >= {"Gateway", "HTTPRoute", "Certificate", "Cluster", "ServiceMonitor"}
    assert not found


@pytest.mark.usefixtures("published")
def test_what_a_job_creates_is_judged_too(documents: list[type_of_document]) -> None:
    texts = [text for each in documents if each["kind"] == "ConfigMap" for text in each.get("data", {}).values()]
    held = [json.loads(text) for text in texts if text.startswith("{") and '"apiVersion"' in text]
    assert {each["kind"] for each in held} == {"Cluster"}, "the restore drill's cluster"
    assert not [fault for each in held for fault in custom.faults(each)]


@pytest.mark.parametrize(("kind", "plant", "words"), [case[1:] for case in PLANTED], ids=[case[0] for case in PLANTED])
def test_a_planted_fault_is_named(
    production: dict[str, list[type_of_document]], kind: str, plant: Callable[[type_of_document], object], words: str
) -> None:
    document = copy.deepcopy(next(each for each in production["base"] if each["kind"] == kind))
    assert builtin.faults(document, builtin.VERSIONS[0]) == []
    plant(document)
    assert any(words in fault for fault in builtin.faults(document, builtin.VERSIONS[0]))
