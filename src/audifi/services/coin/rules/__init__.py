"""Decide what coins are called, how they are divided, what a stake earns and what a swap gives; no I/O.

Between: sagas, store and routes (ask).
Source: domain.md 2.5.
"""
