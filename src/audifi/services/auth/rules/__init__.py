"""Decide, without touching anything: every judgement auth-service makes, as pure functions of their arguments.

Between: routes (ask), errors (the refusals they may raise).
Invariant: no I/O, no clock, no randomness in this package; time comes in as an argument.
"""
