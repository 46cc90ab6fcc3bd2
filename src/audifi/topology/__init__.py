"""The whole platform as one typed, frozen value: what runs, what may call what, and what is promised.

Between: targets (render it), local (runs it), drills (break it), cli (prints and audits it). Imports only wire.
Start reading at `declaration.py`; the vocabulary is in `model/`.
Invariant: data only. No I/O, no clock, no randomness (import-linter: "topology does no I/O").
Errors: `audit.py` lists what cannot hold; nothing here raises except a look-up of a name that does not exist.
"""
