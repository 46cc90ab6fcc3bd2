"""The rules at Cloudflare answer requests as the edge of one machine does: same refusals, same cache, same headers.

Between: targets.cloudflare (rules, asked as the API's language defines them), wire.routes, targets.nginx (its numbers).
"""

import re

import pytest
from tests.agreement.cloudflare.judging import Asked, kept_s, matching, refused

from audifi.targets.cloudflare import items, rules
from audifi.targets.cloudflare.firewall import JSON_TYPE
from audifi.targets.cloudflare.hosts import hosts
from audifi.targets.cloudflare.items import names as certified
from audifi.targets.cloudflare.writing import more_than
from audifi.targets.nginx import lanes
from audifi.targets.nginx.edge import Limits
from audifi.targets.terraform import render as render_terraform
from audifi.topology import operators
from audifi.topology.declaration import platform
from audifi.wire import headers
from audifi.wire.live import addresses
from audifi.wire.routes import BODY_BYTES, ROUTES, UPLOAD_BYTES, Route

PRODUCTION = platform("production")
JSON = {"content-type": "application/json"}
UPLOAD = "/v1/masters/7/upload"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (Asked(path="/metrics"), 404),
        (Asked(path="/api/v1/metrics"), 404),
        (Asked(path="/internal/users"), 404),
        (Asked(path="/v1/internal"), 404),
        (Asked(path="/v1/internals"), None),
        (Asked(path="/v1/admin/users"), 403),
        (Asked(path="/api/v1/admin/users", host="app.audifi.io"), 403),
        (Asked(path="/v1/admin/users", address="198.51.100.7"), None),
        (Asked(path="/v1/administrators"), None),
        (Asked(path="/v1/masters", method="POST", headers=JSON), None),
        (Asked(path="/v1/masters", method="POST", headers={"content-type": "Application/JSON; charset=utf-8"}), None),
        (Asked(path="/v1/masters", method="POST", headers={"content-type": "text/xml"}), 415),
        (Asked(path="/v1/masters", method="POST"), None),
        (Asked(path=UPLOAD, method="POST", headers={"content-type": "multipart/form-data"}), None),
        (Asked(path="/v1/masters", method="POST", headers={**JSON, "content-length": str(BODY_BYTES)}), None),
        (Asked(path="/v1/masters", method="POST", headers={**JSON, "content-length": str(BODY_BYTES + 1)}), 413),
        (Asked(path=UPLOAD, method="POST", headers={"content-length": str(BODY_BYTES + 1)}), None),
        (Asked(path=UPLOAD, method="POST", headers={"content-length": str(UPLOAD_BYTES)}), None),
        (Asked(path=UPLOAD, method="POST", headers={"content-length": str(UPLOAD_BYTES + 1)}), 413),
        (Asked(path="/.well-known/acme-challenge/x", host="audifi.io"), None),
        (Asked(path="/health"), None),
    ],
)
def test_the_firewall_answers_as_the_local_edge(asked: Asked, status: int | None) -> None:
    assert refused(asked) == status


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: f"{row.path} {row.methods[0]}")
def test_no_route_of_ours_is_refused_but_admin(row: Route) -> None:
    """Taught by a pattern for /internal that also took /internals."""
    for path in row.public_paths:
        concrete = re.sub(r"\{[a-zA-Z]+\}", "7", path)
        wanted = 403 if "/admin" in concrete else None
        assert refused(Asked(path=concrete)) == wanted


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: f"{row.path} {row.methods[0]}")
def test_the_edge_keeps_what_the_routing_table_says_and_nothing_else(row: Route) -> None:
    for path in row.public_paths:
        concrete = re.sub(r"\{[a-zA-Z]+\}", "7", path)
        by_table = next(
            (each.edge_cache_s for each in ROUTES if "GET" in each.methods and _takes(each.pattern, concrete)), None
        )
        assert kept_s(Asked(path=concrete)) == by_table
        assert kept_s(Asked(path=concrete, headers={"authorization": "Bearer x"})) is None
        assert kept_s(Asked(path=concrete, headers={"cookie": "a=b"})) is None
        assert kept_s(Asked(path=concrete, method="POST")) is None


def _takes(pattern: str, path: str) -> bool:
    return re.fullmatch(f"(?:{lanes.V1})?(?:{pattern})", path) is not None


def test_hashed_files_are_kept_for_a_year_and_pages_not_at_all() -> None:
    assert kept_s(Asked(path="/assets/app-1a2b.js", host="app.audifi.io")) == 31_536_000
    assert kept_s(Asked(path="/assets/app-1a2b.js", host="api.audifi.io")) is None
    assert kept_s(Asked(path="/", host="audifi.io")) is None
    assert kept_s(Asked(path="/.well-known/acme-challenge/x", host="audifi.io")) is None


def test_what_may_be_kept_tells_browsers_the_same_as_the_local_edge() -> None:
    found = matching("http_response_headers_transform", Asked(path="/v1/masters"))
    told = found[-1]["action_parameters"]["headers"]["Cache-Control"]["value"]
    assert f'"{told}"' in lanes._freshness(30)  # pyright: ignore[reportPrivateUsage]  # its words are what agrees
    failed = matching("http_response_headers_transform", Asked(path="/v1/masters", status=500))
    assert "Cache-Control" not in failed[-1]["action_parameters"]["headers"]


@pytest.mark.parametrize("host", ["audifi.io", "app.audifi.io", "api.audifi.io", "ws.audifi.io", "staging.audifi.io"])
def test_every_answer_carries_every_header_of_the_design(host: str) -> None:
    found = matching("http_response_headers_transform", Asked(path="/x", host=host))
    put = {name: each["value"] for rule in found for name, each in rule["action_parameters"]["headers"].items()}
    assert put.keys() == headers.SECURITY.keys()
    exact = {name: value for name, value in headers.SECURITY.items() if name != "Content-Security-Policy"}
    assert exact.items() <= put.items()
    assert "frame-ancestors 'none'" in put["Content-Security-Policy"]


def test_nobody_outside_can_claim_an_identity() -> None:
    (rule,) = matching("http_request_late_transform", Asked(path="/v1/masters"))
    assert rule["action_parameters"]["headers"].keys() == set(headers.IDENTITY)


def test_floods_are_counted_as_the_local_edge_counts_them() -> None:
    counted = {rule["ref"]: rule["ratelimit"] for rule in rules(PRODUCTION, "http_ratelimit")}
    assert counted["ip"]["requests_per_period"] * 60 == Limits().per_min * counted["ip"]["period"]
    declared = {limit.name: limit for limit in PRODUCTION.rate_limits}
    for name, limit in counted.items():
        assert (limit["requests_per_period"], limit["period"]) == (declared[name].count, declared[name].window_s)
    assert [rule["ref"] for rule in matching("http_ratelimit", Asked(path="/v1/auth/magic-link", method="POST"))] == [
        "auth",
        "ip",
    ]
    assert not matching("http_ratelimit", Asked(path="/v1/webhooks/stripe", method="POST"))


def test_webhooks_are_judged_by_their_receiver_alone() -> None:
    found = matching("http_request_firewall_managed", Asked(path="/v1/payments/webhook", method="POST"))
    assert found[0]["action"] == "skip"
    bots = matching("http_request_firewall_custom", Asked(path="/v1/payments/webhook", method="POST"))
    assert [rule["ref"] for rule in bots] == ["bots"]


def test_a_live_address_reaches_the_port_of_its_pod() -> None:
    pods = PRODUCTION.component("ws-gateway").pods
    for pod, port in zip(pods, operators.POD_PORTS, strict=False):
        asked = Asked(path=f"{addresses.named(pod)}/vstudio/7", host="ws.audifi.io")
        (rule,) = matching("http_request_origin", asked)
        assert rule["action_parameters"]["origin"] == {"port": port}
        assert matching("http_request_transform", asked)
    assert len(rules(PRODUCTION, "http_request_origin")) == len(pods)
    assert not matching("http_request_origin", Asked(path="/vstudio/7", host="ws.audifi.io"))
    assert not matching("http_request_origin", Asked(path="/p/12/vstudio/7", host="ws.audifi.io"))


def test_a_lost_region_is_noticed_as_promised() -> None:
    for steering in PRODUCTION.surface.dns.steering:
        (monitor,) = (
            item.body for item in items(PRODUCTION) if item.key == ("monitor", f"audifi-production-{steering.domain}")
        )
        assert monitor["interval"] * monitor["consecutive_down"] == steering.detection_s


def test_the_plan_takes_the_largest_upload() -> None:
    assert PRODUCTION.surface.cdn.upload_max_bytes > UPLOAD_BYTES


@pytest.mark.parametrize("limit", [0, 9, 10, 99, 1099, BODY_BYTES, UPLOAD_BYTES])
def test_a_number_is_larger_exactly_where_the_pattern_says_so(limit: int) -> None:
    pattern = re.compile(more_than(limit))
    near = {limit + step for step in range(-120, 121)} | {limit * 10, limit * 10 + 9, limit // 10, 10 * limit + 10}
    for number in sorted(each for each in near if each >= 0):
        assert bool(pattern.fullmatch(str(number))) == (number > limit), number


@pytest.mark.parametrize("text", ["application/json", "application/problem+json", "application/json ; charset=utf-8"])
def test_json_goes_by_several_names(text: str) -> None:
    assert re.fullmatch(JSON_TYPE, text)


def test_certificates_are_for_every_host_and_the_zone_lets_them_be_issued() -> None:
    """Taught by a CAA record that kept the edge from renewing, and by a wildcard that covers one level only."""
    names = hosts(PRODUCTION)
    for host in (*names.all, names.www):
        assert host in certified(PRODUCTION) or f"*.{host.partition('.')[2]}" in certified(PRODUCTION), host
    issuer = PRODUCTION.surface.cdn.edge_issuer
    allowed = {record.value for record in PRODUCTION.dns_records if record.type == "CAA"}
    assert {f'0 issue "{issuer}"', f'0 issuewild "{issuer}"'} <= allowed


def test_staging_goes_by_the_rules_of_production() -> None:
    names = hosts(PRODUCTION)
    staging = platform("staging")
    assert {domain.host for domain in staging.domains} <= set(names.all)
    assert not render_terraform(staging)
