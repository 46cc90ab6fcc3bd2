"""Measure: processes (CPU, memory), load (wrk, paced clients), pairs of rounds, results on disk.

Between: the questions in benchmarks/ and the operating system.
"""
