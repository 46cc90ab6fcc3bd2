"""Metrics: each name is written once, in wire, and is what Prometheus expects."""

import re
from pathlib import Path

import pytest

from audifi.kernel.metrics import counter, gauge, histogram
from audifi.wire import metrics
from audifi.wire.metrics import Kind

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = {
    "http_requests_total",
    "http_request_duration_seconds",
    "http_requests_in_flight",
    "http_request_size_bytes",
    "ws_connections_active",
    "ws_connections_total",
    "ws_messages_sent_total",
    "ws_messages_received_total",
    "ws_connection_duration_seconds",
    "ws_errors_total",
    "ws_latency_ms",
    "db_connections_active",
    "db_connections_idle",
    "db_connections_waiting",
    "db_query_duration_seconds",
    "db_errors_total",
    "stripe_api_requests_total",
    "stripe_api_latency_seconds",
    "stripe_webhook_errors_total",
    "rpc_requests_total",
    "rpc_latency_seconds",
    "rpc_errors_total",
    "email_sent_total",
    "ratelimit_rejections_total",
    "auth_logins_total",
    "queue_depth",
    "queue_oldest_age_seconds",
    "queue_dead_letters_total",
    "outbox_lag_seconds",
    "rpc_provider_active",
    "circuit_state",
    "ipfs_pins_total",
    "indexer_blocks_behind",
    "pg_replication_lag_seconds",
    "ipo_shares_sold",
    "ipo_shares_offered",
    "votes_total",
    "dividend_allocated_wei",
    "dividend_deposited_wei",
    "backup_last_success_timestamp",
    "backup_restore_verified_timestamp",
    "cert_expiry_days",
}


def test_every_metric_of_the_domain_is_named() -> None:
    assert set(metrics.ALL) >= DOMAIN


@pytest.mark.parametrize("name", sorted(metrics.ALL))
def test_a_metric_is_well_formed_and_can_be_made(name: str) -> None:
    metric = metrics.ALL[name]
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert (metric.kind is Kind.COUNTER) == name.endswith("_total")
    assert not {"session", "session_id", "user", "user_id", "ip"} & set(metric.labels), "unbounded series"
    make = {Kind.COUNTER: counter, Kind.GAUGE: gauge, Kind.HISTOGRAM: histogram}[metric.kind]
    assert make(metric) is make(metric)


def test_no_name_is_written_outside_the_table() -> None:
    table = ROOT / "src/audifi/wire/metrics.py"
    quoted = re.compile("|".join(f"[\"']{re.escape(name)}[\"']" for name in metrics.ALL))
    parts = [ROOT / "src/audifi" / part for part in ("kernel", "services", "gateways", "clients")]
    planes = [path for part in parts for path in part.rglob("*.py")]
    found = [str(path.relative_to(ROOT)) for path in planes if path != table and quoted.search(path.read_text())]
    assert found == [], "use the constant of audifi.wire.metrics"
