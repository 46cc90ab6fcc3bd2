"""Broadcast to thousands of viewers and say what it cost: servers that are compared, viewers in C, goals as ratios.

Between: vote_fanout and benchmarks/peers/sockets, benchmarks/harness.
"""
