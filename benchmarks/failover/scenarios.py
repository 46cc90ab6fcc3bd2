"""Name what breaks at the primary, one scenario at a time; the second provider is always well.

Between: rpc_failover and the knobs of the providers' stand-ins (local.standins.rpc.faults).
Shape: a scenario is knobs, or a frozen process.
Source: architecture.md 7 (RPC failover); outbound.md 2.3 (scenarios measured there), 1.2 (how providers say "limited").
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One way to break."""

    name: str
    title: str
    knobs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    frozen: bool = False  # SIGSTOP: connections are accepted, nothing is answered until it is healed
    limits_rate: bool = False  # the primary asks us to stay away: few requests may reach it


SCENARIOS: Final = (
    Scenario(name="control", title="nothing breaks"),
    Scenario(name="kill", title="connections are refused, open ones are cut", knobs={"refuse_connections": True}),
    Scenario(name="hang", title="the primary is frozen (SIGSTOP)", frozen=True),
    Scenario(
        name="429-retry-after",
        title="HTTP 429 with Retry-After: 1",
        knobs={"rate_limit": "http-retry-after", "retry_after_s": 1},
        limits_rate=True,
    ),
    Scenario(name="429", title="HTTP 429 without Retry-After", knobs={"rate_limit": "http"}, limits_rate=True),
    Scenario(name="429-in-200", title="code 429 inside HTTP 200", knobs={"rate_limit": "json"}, limits_rate=True),
    Scenario(
        name="code-32005",
        title="code -32005 with backoff_seconds: 1 inside HTTP 200",
        knobs={"rate_limit": "json-backoff", "retry_after_s": 1},
        limits_rate=True,
    ),
    Scenario(name="503", title="HTTP 503 with a proxy's page", knobs={"error_rate": 1, "error_status": 503}),
    Scenario(name="slow", title="each answer takes 800 ms", knobs={"latency_ms": 800}),
    Scenario(name="lag", title="the primary is 20 blocks behind", knobs={"lag_blocks": 20}),
    Scenario(name="fork", title="the primary follows another history since 5 blocks", knobs={"fork_depth": 5}),
    Scenario(name="flap", title="dead and alive every second", knobs={"flap_ms": 1000}),
    Scenario(name="reset", title="each connection is cut instead of answered", knobs={"drop": True}),
)
LOST_ACKNOWLEDGEMENT: Final = Scenario(
    name="lost-acknowledgement",
    title="the node takes the transaction, the connection is cut before the answer",
    knobs={"drop_after": True, "methods": ["eth_sendRawTransaction"]},
)
