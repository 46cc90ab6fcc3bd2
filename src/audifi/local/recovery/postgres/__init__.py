"""Keep PostgreSQL: every write-ahead log segment as it is filled, full and incremental backups, and restores of both.

Between: components.postgres (archives through `settings.py`), recovery.kinds (the schedule), cli.restore and drills.
"""
