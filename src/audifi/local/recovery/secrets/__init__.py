"""Keep every change of a secret, replace secrets without downtime, and bring them back.

Between: local.secrets (the values in force), cli.secrets and the `backups` process.
Shape: history (what was, encrypted) · overlaps (how each kind is replaced, step by step) · rotation (does it, and
finishes what a crash left) · restoring · listing.
Errors: each module says its own.
"""
