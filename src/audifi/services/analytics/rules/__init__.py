"""Decide without I/O: which events count, what is one fact, which days a period has, how long things are kept.

Between: recording, routes and loops of this service.
Invariant: no I/O, no clock, no randomness in this package; time comes in as an argument.
"""
