"""The routing table: who gets which request, and who gets none."""

import re

import pytest

from audifi.wire.routes import BODY_BYTES, PREFIXES, ROUTES, TIMEOUT_CEILING_S, Access, Route, match

TABLE = (
    ("POST", "/auth/magic-link", "auth-service", Access.PUBLIC),
    ("POST", "/auth/verify-magic-link", "auth-service", Access.PUBLIC),
    ("POST", "/auth/refresh", "auth-service", Access.COOKIE),
    ("POST", "/auth/logout", "auth-service", Access.COOKIE),
    ("POST", "/auth/logout-all", "auth-service", Access.TOKEN),
    ("POST", "/auth/2fa/verify", "auth-service", Access.OPTIONAL),
    ("POST", "/auth/2fa/setup", "auth-service", Access.TOKEN),
    ("GET", "/auth/sessions", "auth-service", Access.TOKEN),
    ("DELETE", "/auth/sessions/7", "auth-service", Access.TOKEN),
    ("GET", "/user/profile", "auth-service", Access.TOKEN),
    ("DELETE", "/user/wallet/0x1", "auth-service", Access.TOKEN),
    ("DELETE", "/user", "auth-service", Access.TOKEN),
    ("GET", "/user/export", "auth-service", Access.TOKEN),
    ("GET", "/artists/ada", "auth-service", Access.PUBLIC),
    ("POST", "/consents", "auth-service", Access.TOKEN),
    ("PATCH", "/admin/users/1", "auth-service", Access.TOKEN),
    ("GET", "/.well-known/jwks.json", "auth-service", Access.PUBLIC),
    ("GET", "/masters", "nft-service", Access.OPTIONAL),
    ("POST", "/masters", "nft-service", Access.TOKEN),
    ("GET", "/masters/1/revenue/summary", "nft-service", Access.TOKEN),
    ("POST", "/masters/1/upload", "nft-service", Access.TOKEN),
    ("GET", "/user/holdings", "nft-service", Access.TOKEN),
    ("GET", "/mover-advantage/config", "nft-service", Access.PUBLIC),
    ("GET", "/vstudio/sessions/1", "vstudio-service", Access.OPTIONAL),
    ("POST", "/vstudio/ticket", "vstudio-service", Access.TOKEN),
    ("GET", "/payments/plans", "payment-service", Access.PUBLIC),
    ("POST", "/payments/webhook", "payment-service", Access.PUBLIC),
    ("POST", "/webhooks/stripe", "payment-service", Access.PUBLIC),
    ("GET", "/subscriptions", "payment-service", Access.TOKEN),
    ("GET", "/coins/1/pool", "coin-service", Access.OPTIONAL),
    ("GET", "/coins/1/stakes", "coin-service", Access.TOKEN),
    ("POST", "/events", "analytics-service", Access.OPTIONAL),
    ("GET", "/analytics/dashboard", "analytics-service", Access.TOKEN),
    ("GET", "/analytics/artists/top", "analytics-service", Access.OPTIONAL),
)


@pytest.mark.parametrize(("method", "path", "service", "access"), TABLE)
def test_a_request_goes_where_the_domain_says(method: str, path: str, service: str, access: Access) -> None:
    row = match(method, path)
    assert row is not None
    assert (row.service, row.access) == (service, access)


@pytest.mark.parametrize("path", ["/metrics", "/internal/v1/users/1", "/openapi.json", "/ready", "/", "/userx",
                                  "/authx", "/masters/1/upload/", "/artists-all", "/user/other"])  # fmt: skip
def test_what_is_internal_or_unknown_has_no_row(path: str) -> None:
    row = match("GET", path)
    assert row is None or row.path == "/masters"  # below a public prefix the service answers 404 itself


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: row.path)
def test_every_row_is_sound(row: Route) -> None:
    re.compile(row.pattern)
    assert row.timeout_s is None or 0 < row.timeout_s <= TIMEOUT_CEILING_S
    assert row.body_bytes >= BODY_BYTES
    assert row.methods
    assert [public.startswith(PREFIXES) for public in row.public_paths][:2] == [True, True]


def test_only_anonymous_reads_of_public_routes_are_cached() -> None:
    cached = [row for row in ROUTES if row.edge_cache_s is not None]
    assert {row.path for row in cached} == {
        "/artists", "/.well-known/jwks.json", "/masters", "/masters/{id}", "/marketplace/listings", "/payments/plans",
    }  # fmt: skip
    assert all(set(row.methods) <= {"GET", "HEAD"} for row in cached)
    assert all(row.access in {Access.PUBLIC, Access.OPTIONAL} for row in cached)


def test_only_uploads_take_more_than_10_mb() -> None:
    assert [row.path for row in ROUTES if row.body_bytes > BODY_BYTES] == ["/masters/{id}/upload"]
