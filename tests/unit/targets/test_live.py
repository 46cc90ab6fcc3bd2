"""The sockets' ways: who is asked first, who next, and what is never written down."""

import json
import re
from typing import Any

import pytest
from tests.unit.targets.test_firewall import described

from audifi.targets.envoy import balancer
from audifi.targets.envoy.gateway import Address
from audifi.targets.nginx import configuration, live
from audifi.wire.live import addresses, protocol

SESSION = "0a000000-0000-4000-8000-00000000000f"
BALANCER = balancer.Balancer(
    pod="ws-balancer-1",
    listen=Address("127.0.0.1", 1),
    admin=Address("127.0.0.1", 2),
    pods=(Address("127.0.0.1", 3), Address("127.0.0.1", 4)),
)


def upstream(name: str) -> list[str]:
    main = configuration.render(described())["nginx.conf"]
    (body,) = re.findall(rf"upstream {name} \{{(.*?)\}}", main, re.DOTALL)
    return [line.strip() for line in body.strip().splitlines()]


def test_each_number_begins_with_its_pod_and_ends_with_the_others() -> None:
    first, second = "server 127.0.0.1:5 max_fails=0", "server 127.0.0.1:6 max_fails=0"
    assert upstream("live_1") == [f"{first};", f"{second} backup;"]
    assert upstream("live_2") == [f"{first} backup;", f"{second};"]
    assert upstream("live_any") == [f"{first};", f"{second};"]
    assert upstream("live_balancer") == ["server 127.0.0.1:4 max_fails=0;"]


def test_silence_outlasts_the_pods_own_patience() -> None:
    assert protocol.PING_S * protocol.MISSES_MAX + protocol.PONG_S < live.SILENCE_S
    assert f"proxy_read_timeout {live.SILENCE_S}s;" in live.lane(described())


def test_requests_with_tickets_are_quoted_nowhere() -> None:
    files = configuration.render(described())
    assert "error_log stderr crit;" in files["lane-live.conf"]
    assert "$request_uri" not in configuration.LOG_FORMAT
    assert "$args" not in configuration.LOG_FORMAT


def test_ten_thousand_viewers_fit_into_the_workers() -> None:
    edge = described()
    assert edge.workers * configuration.CONNECTIONS_MAX > 2 * protocol.VIEWERS_MAX
    assert edge.limits.trusted_connections > protocol.VIEWERS_MAX
    assert 2 * balancer.SOCKETS_MAX > protocol.VIEWERS_MAX, "two balancer pods"


def manager() -> Any:
    document = json.loads(balancer.render(BALANCER))
    return document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]


def test_the_balancer_ends_no_quiet_socket() -> None:
    entries = manager()["route_config"]["virtual_hosts"][0]["routes"]
    sockets = [entry["route"] for entry in entries if "route" in entry]
    assert len(sockets) == len(addresses.PATHS)
    assert {(socket["timeout"], socket["idle_timeout"]) for socket in sockets} == {("0s", "0s")}
    assert manager()["stream_idle_timeout"] == "0s"
    assert [entry["direct_response"]["status"] for entry in entries if "route" not in entry] == [426] * 5 + [404]


def test_a_cookie_is_no_condition() -> None:
    (sticky,) = [each for each in manager()["http_filters"] if each["name"].endswith("stateful_session")]
    assert "strict" not in sticky["typed_config"], "a pod that is gone is replaced by another"


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        (f"/vstudio/{SESSION}", True),
        (f"/vstudio/sessions/{SESSION}/ws", True),
        ("/v1/vstudio/ws", True),
        (f"/v1/vstudio/ws/{SESSION}", True),
        ("/ws", True),
        ("/vstudio/", False),
        (f"/vstudio/{SESSION}/b", False),
        ("/vstudio/sessions", False),
        (f"/vstudio/{SESSION.upper()}", False),
        ("/v1/vstudio/wss", False),
    ],
)
def test_addresses_are_those_of_the_specification(path: str, is_one: bool) -> None:
    assert (re.fullmatch(addresses.PATTERN, path) is not None) is is_one


def test_a_pods_number_is_its_address() -> None:
    assert addresses.named("ws-gateway-2") == "/p/2"
    with pytest.raises(ValueError, match="has no number"):
        addresses.named("ws-gateway")
