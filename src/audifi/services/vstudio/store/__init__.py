"""Read and write schema `vstudio`, on the connection each function is given.

Invariant: every change of a state is a conditional UPDATE; what it returns says whether it happened.
"""
