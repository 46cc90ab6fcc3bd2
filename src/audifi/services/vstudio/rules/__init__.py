"""Decide, without doing: who may see and vote, what a vote weighs, what a decision's votes come to.

Invariant: nothing in here does I/O or asks the time.
"""
