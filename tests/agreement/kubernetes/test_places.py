"""One machine and the cluster agree: what processes are told, ports, probes, limits, drains and ways in.

Between: topology.environments and wire.routes, which one machine runs, and the rendered production set.
Invariant: every difference is listed here with its reason; a new one is a failure.
"""

import re
from typing import Any

import pytest

from audifi.targets.kubernetes.documents import COMPONENT
from audifi.targets.kubernetes.reading import Objects, Workload, dig, many, mapping, texts
from audifi.targets.kubernetes.rules.meeting import secrets_made
from audifi.topology.declaration import platform
from audifi.topology.environments import process_environment
from audifi.topology.model.compute import Component, Probe
from audifi.topology.secrets import WITH_IDENTITY
from audifi.wire import environment, routes

type_of_document = dict[str, Any]

LOCAL, PRODUCTION = platform("local"), platform("production")
# Told there and not here, or the other way round: why.
ONLY_IN_CLUSTER = {
    environment.MAIL_PASSWORD: "the stand-in asks for no password",
    environment.SETTINGS_DIRECTORY: "secrets are files there",
    environment.OTLP_URL: "no Tempo on one machine",
    environment.CHAIN_ADMIN_ADDRESS: "the platform's only key is its administrator here",
    environment.TREASURY_ADDRESS: "as above",
}
ONLY_HERE = {
    environment.OTLP_URL: "where one machine has a collector",
    environment.CHAIN_CONFIRMATIONS: "chains of one machine have no depth to wait for",
}
# Values that differ by place although they are plain text.
DIFFERENT = {
    environment.ENVIRONMENT: "its name",
    environment.DRAIN_S: "endpoints need time to propagate there",
    environment.TRUSTED_PROXY_NETWORKS: "where the gateways stand",
    environment.PAYOUT_GRACE_S: "nobody waits a day here",
    environment.POOL_SEED_WEI_MAX: "nobody's money here",
}
IDENTIFIER = "0a1b2c3d-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def objects(production: dict[str, list[type_of_document]]) -> Objects:
    return Objects(production["base"])


def _pods(objects: Objects, component: Component) -> Workload:
    return next(each for each in objects.lasting() if each.labels.get(COMPONENT) == component.name)


def _told(objects: Objects, name: str) -> dict[str, str]:
    """Every variable of a component in the cluster; what a secret holds as an empty text."""
    pod = _pods(objects, PRODUCTION.component(name))
    secrets = secrets_made(objects, pod.namespace)
    told: dict[str, str] = {}
    for container in many(pod.spec, "containers")[:1]:
        told |= {each["name"]: str(each.get("value", "")) for each in many(container, "env")}
        for source in many(container, "envFrom"):
            told |= mapping(objects.find("ConfigMap", pod.namespace, str(dig(source, "configMapRef.name"))), "data")
    for volume in many(pod.spec, "volumes"):
        for source in [volume, *many(volume, "projected.sources")]:
            secret = dig(source, "secret.secretName") or dig(source, "secret.name")
            told |= dict.fromkeys(secrets.get(secret, set()), "")
    return told


@pytest.mark.parametrize("name", WITH_IDENTITY)
def test_processes_are_told_the_same_names(objects: Objects, name: str) -> None:
    here = {key for key, value in process_environment(LOCAL, name).items() if value != ""}
    there = {key for key in _told(objects, name) if key.startswith(tuple(_prefixes()))}
    assert here - there - ONLY_HERE.keys() <= _unset(name)
    assert there - here <= ONLY_IN_CLUSTER.keys()


def _prefixes() -> set[str]:
    """Variables of ours have a name in wire.environment; a container may have others of the platform's."""
    return {value for key, value in vars(environment).items() if key.isupper() and isinstance(value, str)}


def _unset(name: str) -> set[str]:
    """What is an empty list here and there, and left out of a ConfigMap."""
    told = process_environment(PRODUCTION, name)
    return {key for key, value in told.items() if getattr(value, "values", None) == ()}


@pytest.mark.parametrize("name", WITH_IDENTITY)
def test_processes_are_told_the_same_values(objects: Objects, name: str) -> None:
    here = {key: value for key, value in process_environment(LOCAL, name).items() if isinstance(value, str)}
    there = _told(objects, name)
    shared = (here.keys() & there.keys()) - DIFFERENT.keys()
    assert shared, "nothing to compare"
    assert {key: there[key] for key in shared} == {key: here[key] for key in shared}


@pytest.mark.parametrize("name", WITH_IDENTITY)
def test_ports_are_the_same_numbers(objects: Objects, name: str) -> None:
    opened = _pods(objects, PRODUCTION.component(name)).ports
    assert opened == {port.name: port.number for port in LOCAL.component(name).ports}


@pytest.mark.parametrize("name", WITH_IDENTITY)
def test_probes_ask_the_same(objects: Objects, name: str) -> None:
    container = many(_pods(objects, PRODUCTION.component(name)).spec, "containers")[0]
    probes = LOCAL.component(name).probes
    assert probes is not None
    for kind, probe in (("readiness", probes.readiness), ("liveness", probes.liveness), ("startup", probes.startup)):
        assert _asked(mapping(container, f"{kind}Probe")) == _declared(probe), kind


def _asked(probe: type_of_document) -> tuple[Any, ...]:
    way = mapping(probe, "httpGet") or mapping(probe, "tcpSocket")
    numbers = (probe.get("periodSeconds", 10), probe.get("timeoutSeconds", 1), probe.get("failureThreshold", 3))
    return way.get("port"), way.get("path", ""), *numbers


def _declared(probe: Probe) -> tuple[Any, ...]:
    return probe.port, probe.path, probe.period_s, probe.timeout_s, probe.failures


@pytest.mark.parametrize("name", WITH_IDENTITY)
def test_limits_and_grace_are_the_same(objects: Objects, name: str) -> None:
    pod, declared = _pods(objects, PRODUCTION.component(name)), LOCAL.component(name)
    size, container = declared.resources, many(pod.spec, "containers")[0]
    assert size is not None
    assert dig(container, "resources.limits.memory") == f"{size.memory_limit_mib}Mi"
    assert dig(container, "resources.requests.memory") == f"{size.memory_request_mib}Mi"
    assert dig(container, "resources.requests.cpu") == f"{size.cpu_request_m}m"
    assert declared.availability is not None
    assert pod.spec["terminationGracePeriodSeconds"] == declared.availability.grace_s


def _requests() -> list[tuple[str, str]]:
    """One request for every row, address and method of the table that one machine's gateway runs."""
    paths = [
        (row, re.sub(r"\{\w+\}", IDENTIFIER, public) + end)
        for row in routes.ROUTES
        for public in row.public_paths
        for end in (("", "/more") if row.prefix else ("",))
    ]
    return sorted({(method, path) for row, path in paths for method in row.methods})


def _here(method: str, path: str) -> tuple[str, str, str] | None:
    """Who answers on one machine: the first row that takes it."""
    for row in routes.ROUTES:
        heads = [public.removesuffix(row.path) for public in row.public_paths]
        below = "" if row.template or not row.prefix else "(?:/.*)?"
        pattern = row.pattern if row.template else re.escape(row.path) + below
        if method in row.methods and any(re.fullmatch(re.escape(head) + pattern, path) for head in heads):
            return row.service, row.access.value, f"{row.timeout_s or 0}s"
    return None


RANK = {"Exact": 0, "RegularExpression": 1, "PathPrefix": 2}


def _there(objects: Objects, method: str, path: str) -> tuple[str, str, str] | None:
    """Who answers in the cluster: exact paths, then expressions, then prefixes; the longest first; then by method.

    Source: Gateway API, HTTPRouteRule.matches (precedence); Envoy Gateway internal/gatewayapi/sort.go.
    """
    taken: list[tuple[tuple[Any, ...], tuple[str, str, str]]] = []
    for route in objects.of("HTTPRoute"):
        if "api." not in str(texts(route, "spec.hostnames")):
            continue
        access = mapping(route, "metadata.labels").get("audifi.io/access")
        for rule in many(route, "spec.rules"):
            for match in many(rule, "matches"):
                kind, value = dig(match, "path.type"), str(dig(match, "path.value"))
                if match.get("method") not in {None, method} or many(match, "headers") or not _is_at(kind, value, path):
                    continue
                order = (RANK[kind], -len(value), match.get("method") is None)
                timeout = str(dig(rule, "timeouts.request"))
                taken.append((order, (str(rule["backendRefs"][0]["name"]), str(access), timeout)))
    return min(taken)[1] if taken else None


def _is_at(kind: str, value: str, path: str) -> bool:
    if kind == "RegularExpression":
        return re.fullmatch(value, path) is not None
    return path == value or (kind == "PathPrefix" and path.startswith(value.rstrip("/") + "/"))


def test_every_way_in_leads_to_the_same_service(objects: Objects) -> None:
    asked = _requests()
    assert len(asked) > len(routes.ROUTES), "nothing to compare"
    different = {
        each: (_here(*each), _there(objects, *each)) for each in asked if _here(*each) != _there(objects, *each)
    }
    assert not different


def test_a_route_that_leads_elsewhere_is_named(production: dict[str, list[type_of_document]]) -> None:
    without = [each for each in production["base"] if dig(each, "metadata.name") != "nft-service-token-write"]
    objects = Objects(without)
    different = [each for each in _requests() if _here(*each) != _there(objects, *each)]
    assert ("POST", "/v1/masters") in different
