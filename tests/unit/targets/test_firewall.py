"""The edge's text: what is switched on where."""

from audifi.targets.envoy.gateway import Address
from audifi.targets.nginx import configuration, lanes
from audifi.targets.nginx.edge import Edge, Hosts, Limits, Paths

HOSTS = Hosts(apex="a.test", www="www.a.test", app="app.a.test", api="api.a.test", ws="ws.a.test", studio="st.a.test")
PATHS = Paths(config="/c", data="/d", certificate="/k/edge.pem", certificate_key="/k/edge-key.pem")


def described(**changes: object) -> Edge:
    fields: dict[str, object] = {
        "host": "127.0.0.1", "https_port": 443, "http_port": 80, "status_port": 1, "hosts": HOSTS, "paths": PATHS,
        "gateways": (Address("127.0.0.1", 2), Address("127.0.0.1", 3)),
        "balancers": (Address("127.0.0.1", 4),), "live_pods": (Address("127.0.0.1", 5), Address("127.0.0.1", 6)),
    }  # fmt: skip
    return Edge(**{**fields, **changes})  # pyright: ignore[reportArgumentType]  # test data


def test_443_does_not_appear_in_addresses() -> None:
    assert "return 301 https://$host$request_uri;" in configuration.render(described())["nginx.conf"]
    other = configuration.render(described(https_port=8443))["nginx.conf"]
    assert "return 301 https://$host:8443$request_uri;" in other


def test_the_firewall_is_off_where_it_only_costs() -> None:
    files = configuration.render(described())
    assert files["nginx.conf"].count("modsecurity on") == 0
    assert "modsecurity on;" in files["lane-read.conf"]
    assert "modsecurity" not in lanes.lane("upload", described())
    assert "modsecurity" not in lanes.lane("read", described(waf=False))


def test_without_trusted_networks_everybody_has_the_public_limits() -> None:
    text = lanes.maps(described())
    assert "geo $trusted { default 0;  }" in text
    assert "rate=1000r/m" in text
    trusted = lanes.maps(described(limits=Limits(trusted=("127.0.0.1/32",))))
    assert "geo $trusted { default 0; 127.0.0.1/32 1; }" in trusted


def test_writes_that_were_sent_are_never_sent_again() -> None:
    assert "proxy_next_upstream off;" in lanes.lane("once", described())
    assert "non_idempotent" not in configuration.render(described())["lanes.conf"]


def test_every_gateway_is_an_upstream() -> None:
    text = configuration.render(described())["nginx.conf"]
    assert "server 127.0.0.1:2 max_fails" in text
    assert "server 127.0.0.1:3 max_fails" in text
