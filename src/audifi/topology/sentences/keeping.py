"""Promise what the design says about data: replication, pooling, backups, recovery, regions; and what it leaves open.

Between: topology.promises. Units: each budget names its own.
Why more than the design: it names recovery times but no loss; architecture.md sections 4 and 7 add both.
Errors: none.
Source: design.md "Database Infrastructure", "Disaster Recovery".
"""

from audifi.topology.detection import ALL_KILLED, NODE_LOST, PROCESS_KILLED, REGION_LOST, RESTORE
from audifi.topology.model.promise import Proof
from audifi.topology.sentences.wording import (
    TWO_REGIONS,
    behaves,
    configured,
    count,
    drilled,
    kept,
    loses,
    recovers,
)

POSTGRES = "design.md, PostgreSQL"
REDIS = "design.md, Redis Cluster"
BACKUPS = "design.md, Backup Strategy"
REGIONS = "design.md, Multi-Region"
BUDGETS = "architecture.md 7"
NO_LOSS = "architecture.md 4: losing any one process or node loses no acknowledged write and no acknowledged event"

STORE_PROMISES = (
    count("postgres-primary", "PRIMARY (Write)", "postgres", 1, "primaries", source=POSTGRES),
    count("postgres-replicas", "READ REPLICAS: replica-1, replica-2", "postgres", 2, "replicas", source=POSTGRES),
    behaves("postgres-streaming", "streaming replication", "postgres", unit="s behind", amount=5, source=POSTGRES),
    configured("postgres-pooling", "Connection Pooling: PgBouncer", "pgbouncer", source=POSTGRES),
    configured("postgres-daily", "Backups: Daily", "postgres", source=POSTGRES, proof=drilled("backups-on-schedule")),
    behaves(
        "postgres-pitr",
        "PITR",
        "postgres",
        unit="rows that differ after a restore to a second",
        fault=RESTORE,
        source=POSTGRES,
        proof=drilled("postgres-restored-to-a-second"),
    ),
    count("redis-nodes", "REDIS CLUSTER (6 nodes minimum)", "redis-cluster", 6, "nodes", source=REDIS),
    count("redis-masters", "Master 1-3 ──▶ Slave 1-3", "redis-cluster", 3, "pairs", source=REDIS),
    count("redis-sessions", "Sessions (Master 1)", "redis-cluster", 1, "master", source=REDIS),
    count("redis-limits", "Rate limiting (Master 2)", "redis-cluster", 2, "master", source=REDIS),
    count("redis-live", "V Studio state (Master 3)", "redis-cluster", 3, "master", source=REDIS),
    configured("queue", "Message Queue (Redis)", "redis-queue", source="design.md, Network Topology"),
)

BACKUP_PROMISES = (
    configured(
        "backup-postgres-hourly",
        "PostgreSQL: Hourly + Daily",
        "postgres",
        amount=3600,
        unit="s",
        source=BACKUPS,
        proof=drilled("backups-on-schedule"),
    ),
    kept(
        "backup-postgres-kept",
        "PostgreSQL: 30 days",
        "postgres",
        30,
        source=BACKUPS,
        proof=drilled("backups-on-schedule"),
    ),
    recovers(
        "backup-postgres-rto",
        "PostgreSQL: RTO 1 hour",
        "postgres",
        3600,
        fault=RESTORE,
        source=BACKUPS,
        proof=drilled("postgres-restored-from-nothing"),
    ),
    configured(
        "backup-redis-daily",
        "Redis: Daily snapshot",
        "redis-cluster",
        amount=86_400,
        unit="s",
        source=BACKUPS,
        proof=drilled("redis-backups-kept"),
    ),
    kept(
        "backup-redis-kept",
        "Redis: 7 days",
        "redis-cluster",
        7,
        source=BACKUPS,
        proof=drilled("redis-backups-kept"),
    ),
    recovers(
        "backup-redis-rto",
        "Redis: RTO 15 min",
        "redis-cluster",
        900,
        fault=RESTORE,
        source=BACKUPS,
        proof=drilled("redis-restored"),
    ),
    configured(
        "backup-ipfs",
        "IPFS: Permanent, ∞",
        "pinata",
        source=BACKUPS,
        proof=Proof.PROVIDER,
        awaits="Pinata and NFT.Storage: nothing measured today shows that a copy is permanent",
    ),
    configured(
        "backup-secrets-change", "Secrets: On change", "postgres", source=BACKUPS, proof=drilled("secrets-restored")
    ),
    kept("backup-secrets-kept", "Secrets: 90 days", "postgres", 90, source=BACKUPS, proof=drilled("secrets-restored")),
    recovers(
        "backup-secrets-rto",
        "Secrets: RTO 30 min",
        "postgres",
        1800,
        fault=RESTORE,
        source=BACKUPS,
        proof=drilled("secrets-restored"),
    ),
)

LOSS_PROMISES = (
    recovers(
        "postgres-process",
        "PRIMARY (Write)",
        "postgres",
        5,
        fault=PROCESS_KILLED,
        source=f"{BUDGETS}: ≤ 5 s",
        proof=drilled("postgres-primary-killed"),
    ),
    behaves(
        "postgres-replica",
        "READ REPLICAS: replica-1, replica-2",
        "postgres",
        fault=NODE_LOST,
        source="architecture.md 4: losing any one node loses nothing; readers have the other one",
        proof=drilled("postgres-replica-lost"),
    ),
    recovers(
        "pooler-process",
        "Connection Pooling: PgBouncer",
        "pgbouncer",
        5,
        fault=PROCESS_KILLED,
        source=f"{BUDGETS}: a process ≤ 5 s (one PgBouncer here, two in production)",
        proof=drilled("pgbouncer-killed"),
    ),
    recovers(
        "postgres-node",
        "PRIMARY (Write)",
        "postgres",
        90,
        fault=NODE_LOST,
        source="kubernetes.md: noticed after 40-55 s; promotion and reconnecting take up to 35 s more",
        proof=drilled("postgres-node-lost"),
    ),
    recovers(
        "redis-process",
        "Master 1 ──▶ Slave 1",
        "redis-cluster",
        5,
        fault=PROCESS_KILLED,
        source=f"{BUDGETS}: ≤ 5 s",
        proof=drilled("redis-primary-lost"),
    ),
    recovers(
        "redis-restart",
        "REDIS CLUSTER (6 nodes minimum)",
        "redis-cluster",
        15,
        fault=ALL_KILLED,
        source="decided here: as after a power cut; masters wait 2 s before they take writes, and clients 1 s to ask",
        proof=drilled("redis-all-killed"),
    ),
    loses(
        "postgres-no-loss",
        "streaming replication",
        "postgres",
        0,
        "writes lost",
        fault=NODE_LOST,
        source=NO_LOSS,
        proof=drilled("postgres-node-lost"),
    ),
    loses(
        "queue-no-loss",
        "Message Queue (Redis)",
        "redis-queue",
        0,
        "events lost",
        fault=NODE_LOST,
        source=NO_LOSS,
        proof=drilled("queue-files-lost"),
    ),
    loses(
        "postgres-rpo",
        "PITR",
        "postgres",
        300,
        "s of writes lost",
        fault=RESTORE,
        source="domain.md 7: RPO ≤ 5 min aimed",
        proof=drilled("postgres-restored-from-nothing"),
    ),
    loses(
        "redis-rpo",
        "Daily snapshot",
        "redis-cluster",
        86_400,
        "s of state lost",
        fault=RESTORE,
        source=BACKUPS,
        proof=drilled("redis-restored"),
    ),
)

REGION_PROMISES = (
    configured(
        "region-primary",
        "Primary: us-east-1: Full stack, Write operations",
        "postgres",
        source=REGIONS,
        proof=Proof.LATER,
        awaits=TWO_REGIONS,
    ),
    configured(
        "region-secondary",
        "Secondary: eu-west-1: Read replicas, Read operations",
        "postgres",
        source=REGIONS,
        proof=Proof.LATER,
        awaits=TWO_REGIONS,
    ),
    recovers(
        "region-failover",
        "Failover ready",
        "postgres",
        300,
        fault=REGION_LOST,
        source=f"{REGIONS}; decided here",
        proof=Proof.LATER,
        awaits=TWO_REGIONS,
    ),
    behaves(
        "region-latency",
        "Latency-based routing",
        "edge",
        unit="answers from the farther region",
        source=REGIONS,
        proof=Proof.LATER,
        awaits=TWO_REGIONS,
    ),
    recovers(
        "region-health",
        "Health check failover",
        "edge",
        120,
        fault=REGION_LOST,
        source=f"{REGIONS}; decided here",
        proof=Proof.LATER,
        awaits=TWO_REGIONS,
    ),
    behaves(
        "region-geo",
        "GeoDNS",
        "edge",
        unit="answers from the wrong region",
        source=REGIONS,
        proof=Proof.LATER,
        awaits=TWO_REGIONS,
    ),
)

PROMISES = (*STORE_PROMISES, *BACKUP_PROMISES, *LOSS_PROMISES, *REGION_PROMISES)
