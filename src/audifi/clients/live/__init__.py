"""Carry live sessions through the Redis Cluster: publish for vstudio-service, follow for gateways and for SSE.

Between: services.vstudio (publishes, serves SSE), gateways.ws (follows) and the cluster.
Shape: wire.live.feed. `publishing` writes; `subscription`, `ring` and `feed` read.
Invariant: Redis holds nothing that PostgreSQL has not: what it forgets is read there.
Source: docs/live.md; realtime.md 3.
"""
