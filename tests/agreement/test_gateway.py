"""The gateway and the edge mean what the model says, and their real programs accept what we render.

Between: wire.routes, targets.envoy, targets.nginx, topology; the binaries `envoy` and `nginx`.
"""

import dataclasses
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from audifi.gateways.ws.handshake import Wanted, wanted
from audifi.kernel.http import Access, Operation
from audifi.local.binaries import binary
from audifi.local.components import api_gateway, edge, ws_balancer
from audifi.local.state import Instance
from audifi.services.auth.routes import OPERATIONS
from audifi.targets.envoy import balancer, bootstrap
from audifi.targets.nginx import configuration
from audifi.topology.declaration import platform
from audifi.topology.model.network import LinkKind
from audifi.topology.model.whole import Topology
from audifi.wire import routes
from audifi.wire.live import addresses

VALIDATE_WITHIN_S = 30


@pytest.fixture
def topology() -> Topology:
    return platform("local")


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    found = Instance.at(tmp_path / "instance")
    found.create()
    for name in ("https", "http"):
        found.ports.of("edge-1", name)
    return found


def run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=VALIDATE_WITHIN_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("with_collector", [True, False])
def test_envoy_accepts_the_balancers_configuration(
    instance: Instance, topology: Topology, tmp_path: Path, with_collector: bool
) -> None:
    described = ws_balancer.balancer(instance, topology, "ws-balancer-1")
    if with_collector:
        described = dataclasses.replace(described, otlp=described.admin)
    file = tmp_path / "envoy.json"
    file.write_text(balancer.render(described))
    run(str(binary("envoy")), "--mode", "validate", "-c", str(file), "--log-level", "error")


@pytest.mark.parametrize("with_collector", [True, False])
def test_envoy_accepts_its_configuration(
    instance: Instance, topology: Topology, tmp_path: Path, with_collector: bool
) -> None:
    gateway = api_gateway.gateway(instance, topology, "api-gateway-1")
    if with_collector:
        gateway = dataclasses.replace(gateway, otlp=gateway.admin)
    file = tmp_path / "envoy.json"
    file.write_text(bootstrap.render(gateway))
    run(str(binary("envoy")), "--mode", "validate", "-c", str(file), "--log-level", "error")


def test_nginx_accepts_its_configuration(instance: Instance, topology: Topology) -> None:
    spec = edge.pods(instance, topology)[0]
    spec.prepare()
    run(*spec.argv, "-t")


def test_rendering_twice_gives_the_same_bytes(instance: Instance, topology: Topology) -> None:
    described = edge.edge(instance, topology)
    assert configuration.render(described) == configuration.render(described)
    gateway = api_gateway.gateway(instance, topology, "api-gateway-1")
    assert bootstrap.render(gateway) == bootstrap.render(gateway)


def test_keys_are_private(instance: Instance, topology: Topology) -> None:
    described = edge.edge(instance, topology)
    for key in (Path(described.paths.certificate_key), instance.path.parent / "ca" / "ca-key.pem"):
        assert key.stat().st_mode & 0o777 == 0o600


def test_every_row_leads_to_a_declared_link(topology: Topology) -> None:
    linked = {link.target for link in topology.links_from("api-gateway") if link.kind is LinkKind.ROUTE}
    assert {row.service for row in routes.ROUTES} == linked


def test_no_row_waits_longer_than_its_link(topology: Topology) -> None:
    deadlines = {link.target: link.deadline_ms for link in topology.links_from("edge")}
    ceiling = deadlines["api-gateway"]
    assert ceiling == routes.TIMEOUT_CEILING_S * 1000
    assert all(row.timeout_s is None or row.timeout_s * 1000 <= ceiling for row in routes.ROUTES)


def entries(instance: Instance, topology: Topology) -> list[Any]:
    config = json.loads(bootstrap.render(api_gateway.gateway(instance, topology, "api-gateway-1")))
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    return manager["route_config"]["virtual_hosts"][0]["routes"]


def test_every_route_with_a_token_demand_says_so(instance: Instance, topology: Topology) -> None:
    """A row without its own setting would be let through unchecked: the filter has no default demand."""
    leading = [
        entry for entry in entries(instance, topology) if "route" in entry and "typed_per_filter_config" in entry
    ]
    served = [row for row in routes.ROUTES if row.service == routes.AUTH]
    assert len(leading) >= len(served)
    for entry in leading:
        demand = entry["typed_per_filter_config"]["envoy.filters.http.jwt_authn"]
        assert ("requirement_name" in demand) != ("disabled" in demand)


def test_writes_are_retried_only_where_nothing_was_sent(instance: Instance, topology: Topology) -> None:
    for entry in entries(instance, topology):
        policy = entry.get("route", {}).get("retry_policy")
        if policy is None:
            continue
        methods = entry["match"]["headers"][0]["string_match"]
        text = methods.get("exact") or methods["safe_regex"]["regex"]
        if set(text.split("|")) - {"GET", "HEAD"}:
            assert set(policy["retry_on"].split(",")) == {"connect-failure", "refused-stream", "reset-before-request"}


# What the gateway may ask of a request before a service's own demand: never more than the service itself.
MAY_ASK = {
    Access.GUEST: {routes.Access.PUBLIC, routes.Access.COOKIE},
    Access.OPTIONAL: {routes.Access.PUBLIC, routes.Access.COOKIE, routes.Access.OPTIONAL},
    Access.USER: {routes.Access.TOKEN},
    Access.ARTIST: {routes.Access.TOKEN},
    Access.PRODUCER: {routes.Access.TOKEN},
    Access.ADMIN: {routes.Access.TOKEN},
}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}")
def test_auth_services_operations_are_reachable_as_they_demand(operation: Operation) -> None:
    row = routes.match(operation.method, re.sub(r"\{\w+\}", "x", operation.path))
    if operation.access is Access.SERVICE:
        assert row is None, "internal operations have no way in"
    elif operation.path == "/health/platform":
        assert routes.HEALTH.rewrite == ("/health", operation.path)
    else:
        assert row is not None, "nobody outside can call it: add a row to wire/routes.py"
        assert row.service == routes.AUTH
        assert row.access in MAY_ASK[operation.access]


@pytest.mark.parametrize("path", addresses.PATHS)
def test_the_pods_know_every_address_that_leads_to_them(path: str) -> None:
    """Edge and balancer let exactly these through."""
    session = "01890000-0000-7000-8000-000000000001"
    query = "" if "{session}" in path else f"?sessionId={session}"
    asked = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    found = wanted((path.replace("{session}", session) + query).encode(), asked, frozenset())
    assert isinstance(found, Wanted)
    assert found.session_id == session
