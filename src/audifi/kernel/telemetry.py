"""Offer logs, metrics and traces from one import.

Between: services and gateways (`from audifi.kernel.telemetry import log, counter, span`) and the three modules behind.
Shape: log.info("message", user_id=..., anything=...) · counter(metrics.X).labels(...).inc() · `with span("name"):`.
Errors: none of them raises.
"""

from audifi.kernel.context import Context, current
from audifi.kernel.logs import Log, log
from audifi.kernel.metrics import counter, gauge, histogram
from audifi.kernel.traces import Span, span

__all__ = ["Context", "Log", "Span", "counter", "current", "gauge", "histogram", "log", "span"]
