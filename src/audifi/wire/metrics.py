"""Name every metric of the data plane once: code, dashboards, alerts and tests read this table.

Between: kernel.metrics (makes the Prometheus object), targets.grafana and targets.prometheus (query it).
Invariant: a metric is written nowhere else by its literal name; no label holds an id (unbounded series).
Units: the name's suffix (`_seconds`, `_bytes`, `_total`), as Prometheus wants it.
Errors: none.
Source: domain.md 6.2; https://prometheus.io/docs/practices/naming/.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Kind(Enum):
    """The type of a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Metric:
    """One metric family."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


# From half a millisecond, because most requests take one; .1 .5 1 are the thresholds of domain.md 6.4.
LATENCY_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZE_BUCKETS: Final = (256.0, 1024.0, 16384.0, 131072.0, 1048576.0, 10485760.0)
CONNECTION_BUCKETS: Final = (60.0, 300.0, 3600.0)


def _counter(name: str, text: str, *labels: str) -> Metric:
    return Metric(name, Kind.COUNTER, text, labels)


def _gauge(name: str, text: str, *labels: str) -> Metric:
    return Metric(name, Kind.GAUGE, text, labels)


def _histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...] = LATENCY_BUCKETS) -> Metric:
    return Metric(name, Kind.HISTOGRAM, text, labels, buckets)


# HTTP, in every service; `path` is the template, never the address.
HTTP_REQUESTS: Final = _counter("http_requests_total", "Requests answered.", "method", "path", "status")
HTTP_DURATION: Final = _histogram("http_request_duration_seconds", "Time to answer.", "method", "path")
HTTP_IN_FLIGHT: Final = _gauge("http_requests_in_flight", "Requests being answered.")
HTTP_SIZE: Final = _histogram("http_request_size_bytes", "Size of request bodies.", "method", buckets=SIZE_BUCKETS)
RATELIMIT_REJECTIONS: Final = _counter("ratelimit_rejections_total", "Requests refused by a rule.", "rule")
RATELIMIT_FALLBACKS: Final = _counter("ratelimit_fallbacks_total", "Requests counted in process: Redis was away.")

# Stores, in every service.
DB_ACTIVE: Final = _gauge("db_connections_active", "Connections in use.", "pool")
DB_IDLE: Final = _gauge("db_connections_idle", "Connections open and free.", "pool")
DB_WAITING: Final = _gauge("db_connections_waiting", "Tasks waiting for a connection.", "pool")
DB_QUERY_DURATION: Final = _histogram("db_query_duration_seconds", "Time in the database.", "operation", "table")
DB_ERRORS: Final = _counter("db_errors_total", "Failures talking to the database.", "type")
DB_READER_FALLBACKS: Final = _counter("db_reader_fallbacks_total", "Reads moved to the primary.", "reason")
REDIS_ERRORS: Final = _counter("redis_errors_total", "Failures talking to Redis.", "store", "type")

# Queue.
OUTBOX_LAG: Final = _gauge("outbox_lag_seconds", "Age of the oldest event not relayed.")
OUTBOX_RELAYED: Final = _counter("outbox_relayed_total", "Events handed to the queue.", "stream")
QUEUE_DEPTH: Final = _gauge("queue_depth", "Entries not acknowledged or not read.", "stream")
QUEUE_OLDEST_AGE: Final = _gauge("queue_oldest_age_seconds", "Age of the oldest entry not handled.", "stream")
QUEUE_HANDLED: Final = _counter("queue_events_total", "Events handled.", "stream", "result")
QUEUE_DEAD_LETTERS: Final = _counter("queue_dead_letters_total", "Events given up.", "stream")
QUEUE_DEAD_LETTERS_KEPT: Final = _gauge("queue_dead_letters_kept", "Events given up and not sent again.", "stream")

# Identity and mail.
AUTH_LOGINS: Final = _counter("auth_logins_total", "Sign-ins tried.", "result")
EMAIL_SENT: Final = _counter("email_sent_total", "Mails handed over.", "type", "status")
TOKEN_VERIFICATIONS: Final = _counter("token_verifications_total", "Access tokens checked.", "result")

# Traces.
TRACE_SPANS_DROPPED: Final = _counter("trace_spans_dropped_total", "Spans the collector did not take in time.")

# WebSocket gateway.
WS_ACTIVE: Final = _gauge("ws_connections_active", "Open connections.", "role")
WS_CONNECTIONS: Final = _counter("ws_connections_total", "Connections tried.", "status")
WS_SENT: Final = _counter("ws_messages_sent_total", "Messages sent.")
WS_RECEIVED: Final = _counter("ws_messages_received_total", "Messages received.")
WS_DURATION: Final = _histogram(
    "ws_connection_duration_seconds", "How long connections lasted.", buckets=CONNECTION_BUCKETS
)
WS_ERRORS: Final = _counter("ws_errors_total", "Connections refused or broken.", "type")
WS_LATENCY: Final = _histogram(
    "ws_latency_ms", "Event to viewer.", buckets=(1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
)

# Providers.
STRIPE_REQUESTS: Final = _counter("stripe_api_requests_total", "Calls to Stripe.", "endpoint", "status")
STRIPE_LATENCY: Final = _histogram("stripe_api_latency_seconds", "Time Stripe took.")
STRIPE_WEBHOOK_ERRORS: Final = _counter("stripe_webhook_errors_total", "Webhooks refused or failed.")
RPC_REQUESTS: Final = _counter("rpc_requests_total", "Calls to chains.", "network", "method")
RPC_LATENCY: Final = _histogram("rpc_latency_seconds", "Time chains took.", "network")
RPC_ERRORS: Final = _counter("rpc_errors_total", "Calls to chains that failed.", "network", "error")
RPC_PROVIDER_ACTIVE: Final = _gauge("rpc_provider_active", "1 for the provider in use.", "network", "provider")
RPC_UPSTREAM: Final = _counter(
    "rpc_upstream_requests_total", "Requests sent to providers, by what came of them.", "network", "provider", "verdict"
)
RPC_FAILOVERS: Final = _counter("rpc_failovers_total", "Calls that went on to the next.", "network", "provider")
RPC_STALE: Final = _counter("rpc_stale_rejected_total", "Answers off the served chain.", "network", "provider")
RPC_HEDGES: Final = _counter("rpc_hedges_total", "Second requests for a silent first.", "network")
RPC_COALESCED: Final = _counter("rpc_coalesced_total", "Calls that joined one under way.", "network")
RPC_CACHE_HITS: Final = _counter("rpc_cache_hits_total", "Calls answered from memory.", "network")
RPC_HEAD: Final = _gauge("rpc_head_block", "Newest block a provider reports.", "network", "provider")
RPC_LAG: Final = _gauge("rpc_lag_blocks", "Blocks a provider is behind the others.", "network", "provider")
RPC_BUDGET_LEFT: Final = _gauge("rpc_budget_left_ratio", "Share of the plan's window left.", "provider")
CHAIN_TRANSACTIONS: Final = _gauge("chain_transactions", "Transactions not settled yet.", "chain", "state")
CHAIN_TRANSACTIONS_OLDEST: Final = _gauge("chain_transactions_oldest_seconds", "Age of the oldest of them.", "chain")
CHAIN_TRANSACTIONS_SETTLED: Final = _counter("chain_transactions_settled_total", "Settled.", "chain", "state")
CHAIN_TRANSACTIONS_REPLACED: Final = _counter("chain_transactions_replaced_total", "Signed with more fees.", "chain")
CHAIN_TRANSACTIONS_REORGED: Final = _counter("chain_transactions_reorged_total", "Mined, then not.", "chain")
CIRCUIT_STATE: Final = _gauge("circuit_state", "0 closed, 1 half open, 2 open.", "target")
IPFS_PINS: Final = _counter("ipfs_pins_total", "Pins asked for.", "provider", "status")
IPFS_REPLICAS: Final = _gauge("ipfs_content_replicas", "Contents that have so many good copies.", "replicas")
IPFS_LOST: Final = _gauge("ipfs_pins_lost", "Pins that are gone or were given up.", "provider")
IPFS_VERIFIED_AGE: Final = _gauge("ipfs_oldest_verification_seconds", "Age of the oldest proof of a copy.", "provider")
INDEXER_BEHIND: Final = _gauge("indexer_blocks_behind", "Blocks not yet indexed.", "chain")
INDEXER_LOGS: Final = _counter("indexer_logs_total", "Logs handed to a service.", "chain", "service")
INDEXER_FAILURES: Final = _counter("indexer_failures_total", "Times it had to begin anew.", "chain", "service")

# Business and operations.
IPO_SHARES_SOLD: Final = _gauge("ipo_shares_sold", "Shares sold in running offers.")
IPO_SHARES_OFFERED: Final = _gauge("ipo_shares_offered", "Shares offered in running offers.")
VOTES: Final = _counter("votes_total", "Votes counted.")
DIVIDEND_ALLOCATED: Final = _gauge("dividend_allocated_wei", "Dividends owed.")
DIVIDEND_DEPOSITED: Final = _gauge("dividend_deposited_wei", "Dividends deposited.")
PG_REPLICATION_LAG: Final = _gauge("pg_replication_lag_seconds", "How far a replica is behind.")
BACKUP_LAST_SUCCESS: Final = _gauge("backup_last_success_timestamp", "When a backup last succeeded.", "component")
BACKUP_RESTORE_VERIFIED: Final = _gauge("backup_restore_verified_timestamp", "When a restore was last verified.")
BACKUP_AGE: Final = _gauge("backup_age_s", "How old the newest backup is.", "component")
BACKUP_PERIOD: Final = _gauge("backup_period_s", "How often the schedule wants one.", "component")
BACKUP_FAILURES: Final = _counter("backup_failures_total", "Backups that could not be made.", "component")
BACKUP_DAMAGED: Final = _gauge("backup_damaged", "Backups that the last verification could not read.", "component")
CERT_EXPIRY_DAYS: Final = _gauge("cert_expiry_days", "Days until the certificate expires.")
PROCESS_STARTED: Final = _gauge("service_info", "1; says which version runs.", "service", "pod", "version")

ALL: Final = {metric.name: metric for metric in tuple(globals().values()) if isinstance(metric, Metric)}
