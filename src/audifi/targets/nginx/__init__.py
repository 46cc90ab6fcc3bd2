"""Render the edge: what Cloudflare is in production, on one machine by nginx with ModSecurity and the Core Rule Set.

Between: topology and wire (what must hold), local.components.edge (addresses and paths, writes and starts it).
Shape: `configuration.render(Edge) -> {relative path: text}`.
Invariant: a pure function; the same Edge gives the same bytes.
Source: domain.md 4 (headers), 5.1-5.5; components.md 1.
"""
