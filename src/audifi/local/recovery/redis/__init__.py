"""Keep copies of the Redis Cluster and of the queue, and bring them back.

Between: local.recovery (makes what is due, lists it), cli.restore, drills.faults.redis and the servers.
Shape: `snapshots` takes and opens copies; `servers` runs Redis for the time of a restore; `contents` reads, copies and
compares what is in one; `cluster` and `queue` restore; `aof` judges an append-only file; `rebuilt` says what of a
snapshot of the cluster must not come back.
Source: domain.md 7; architecture.md 6.4.
"""
