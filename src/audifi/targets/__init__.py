"""Render the topology for somebody else's software: pure functions from a model to text.

Between: topology and wire (what must hold) and the parsers that judge the text: Envoy and nginx now; Kubernetes,
Cloudflare, DNS, Vercel, Fly.io, Prometheus and Grafana arrive with part F.
Invariant: no I/O, no clock, no randomness: the same model gives the same bytes.
"""
