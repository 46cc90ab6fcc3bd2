"""Make the Prometheus objects for the metrics that wire names.

Between: code that counts (`counter(metrics.AUTH_LOGINS).labels("ok").inc()`) and the metrics port.
Invariant: one object per metric and process; the labels are those of the table, in its order.
Why callers keep the child: `.labels()` costs about as much as the increment; hot paths bind it once.
Errors: asserts that the kind is the one declared.
"""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from audifi.wire.metrics import Kind, Metric


@cache
def counter(metric: Metric) -> Counter:
    assert metric.kind is Kind.COUNTER, f"{metric.name} is no counter"
    return Counter(metric.name, metric.help, metric.labels)


@cache
def gauge(metric: Metric) -> Gauge:
    assert metric.kind is Kind.GAUGE, f"{metric.name} is no gauge"
    return Gauge(metric.name, metric.help, metric.labels)


@cache
def histogram(metric: Metric) -> Histogram:
    assert metric.kind is Kind.HISTOGRAM, f"{metric.name} is no histogram"
    return Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets)
