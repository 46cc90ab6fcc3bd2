"""Measure promises that are no fault on the running platform, from outside; `PROBES` has all of them.

Between: cli.prove (takes them), drills.ledger (judges), topology.sentences (a promise whose proof is "probe").
Shape: one file per area, each with its `PROBES`; a probe has the name of its promise.
"""
