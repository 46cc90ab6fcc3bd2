"""Keep backups of what the platform knows, and bring it back: schedules, a catalogue, restores that are proven.

Between: topology.stores.backups (what, how often, how long), local.components.backups (runs us under `audifi up`),
cli.backup and cli.restore (people), drills (prove it). `kinds.py` says what a kind of backup must offer.
"""
