"""Carry what every service stands on: settings, server, stores, identity, limits, logs. No domain words in here.

Between: services and gateways (build on it) and the stores. Start reading at `kernel.http` (what a route is) and
`kernel.server` (how a pod lives and stops).
Errors: third-party exceptions end here; what leaves is a `wire.problems.Problem` or a bug.
"""
