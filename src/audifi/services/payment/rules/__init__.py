"""Decide, without doing: what a card pays, what a subscription may become, what somebody is entitled to.

Invariant: nothing in here does I/O or asks the time.
"""
