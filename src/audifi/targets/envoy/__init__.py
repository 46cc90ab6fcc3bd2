"""Render the API gateway's configuration: the same Envoy that Envoy Gateway runs in the cluster.

Between: topology and wire.routes (what must hold), local.components.api_gateway (addresses, starts it).
Shape: `bootstrap.render(Gateway) -> JSON text`; JSON is YAML to Envoy and needs no second writer.
Invariant: a pure function; the same Gateway gives the same bytes.
Source: Envoy 1.40 API v3; domain.md 2.0, 4, 5.4, 5.7, 5.8.
"""
