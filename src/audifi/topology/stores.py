"""Declare where data is kept: PostgreSQL, PgBouncer, Redis Cluster, the queue, and their backups.

Between: topology.declaration (includes it), local.components (Patroni, Redis, HAProxy settings), targets.kubernetes
(CloudNativePG, StatefulSets), topology.audit (compares recovery targets with these settings).
Shape: postgres is one primary and two replicas: which pod is which is decided at run time.
Units: as the names say.
Invariant: the queue is not in the cluster: it must not lose what a cache may (architecture.md 6.4).
Errors: none.
Source: design.md "Database Infrastructure", "Disaster Recovery"; domain.md 5.6, 7; components.md 2, 3.
"""

from audifi.topology.model.compute import Component, Kind, Port, Resources, Zone
from audifi.topology.model.data import Backup, HashTags, Pooler, Postgres, Queue, RedisCluster
from audifi.topology.model.whole import Stores
from audifi.topology.shapes import accepts, availability, image
from audifi.wire import channels

POSTGRES = "design.md, PostgreSQL"
REDIS = "design.md, Redis Cluster"
BACKUPS = "design.md, Backup Strategy"

COMPONENTS = (
    Component(
        name="postgres",
        kind=Kind.DATABASE,
        purpose="the primary and two streaming replicas; one schema and role per service",
        zone=Zone.DATA,
        replicas=3,
        ports=(Port(name="postgres", number=5432), Port(name="rest", number=8008), Port(name="metrics", number=9187)),
        resources=Resources(
            cpu_request_m=1000,
            memory_request_mib=4096,
            memory_limit_mib=4096,
            storage_gib=100,
            source="kubernetes.md: Postgres memory request == limit; size decided here",
        ),
        probes=accepts("postgres", source="CloudNativePG brings its own; on one machine Patroni's /readiness"),
        availability=availability(grace_s=180),
        image=image("postgresql"),
        stateless=False,
        source=f"{POSTGRES}: PRIMARY, replica-1, replica-2",
    ),
    Component(
        name="pgbouncer",
        kind=Kind.POOLER,
        purpose="pools connections per transaction; a writer and a reader database that follow a failover",
        zone=Zone.DATA,
        replicas=2,
        ports=(Port(name="pgbouncer", number=6432), Port(name="metrics", number=9127)),
        resources=Resources(
            cpu_request_m=100, memory_request_mib=64, memory_limit_mib=128, source="decided here: one thread per pod"
        ),
        probes=accepts("pgbouncer", source="kubernetes.md 5"),
        availability=availability(),
        image=image("pgbouncer"),
        source=f"{POSTGRES}: Connection Pooling: PgBouncer",
    ),
    Component(
        name="redis-cluster",
        kind=Kind.CACHE,
        purpose="sessions on master 1, rate limits on master 2, V Studio's live state on master 3",
        zone=Zone.DATA,
        replicas=6,
        ports=(Port(name="redis", number=6379), Port(name="bus", number=16379), Port(name="metrics", number=9121)),
        resources=Resources(
            cpu_request_m=100,
            memory_request_mib=512,
            memory_limit_mib=768,
            storage_gib=5,
            source="decided here: 10,000 viewers' state is under 100 MB; headroom for AOF rewrite",
        ),
        probes=accepts("redis", source="kubernetes.md, Redis"),
        availability=availability(),
        image=image("redis"),
        stateless=False,
        source=f"{REDIS}: 6 nodes minimum, Master 1-3, Slave 1-3",
    ),
    Component(
        name="redis-queue",
        kind=Kind.QUEUE,
        purpose="the message queue: events in streams, each kept until acknowledged",
        zone=Zone.DATA,
        replicas=2,
        ports=(Port(name="redis", number=6380), Port(name="metrics", number=9122)),
        resources=Resources(
            cpu_request_m=100,
            memory_request_mib=512,
            memory_limit_mib=1024,
            storage_gib=10,
            source="decided here: 10,000 queued events (domain.md 6.4's alert) are under 50 MB",
        ),
        probes=accepts("redis", source="kubernetes.md, Redis"),
        availability=availability(),
        image=image("redis"),
        stateless=False,
        source="design.md, Network Topology: Message Queue (Redis); its own Redis with a replica: architecture.md 2",
    ),
)

# What one machine runs where the cluster has Kubernetes' own: the leader lease and the -rw/-ro Services.
LOCAL_COMPONENTS = (
    Component(
        name="etcd",
        kind=Kind.COORDINATION,
        purpose="holds the leader lease of PostgreSQL (the cluster's API server does that in production)",
        zone=Zone.DATA,
        replicas=1,
        single_because="one machine is one failure domain: two more would survive nothing",
        ports=(Port(name="client", number=2379), Port(name="peer", number=2380)),
        stateless=False,
        runs_locally=True,
        source="architecture.md 2: Patroni + etcd on one machine",
    ),
    Component(
        name="postgres-services",
        kind=Kind.BALANCER,
        purpose="sends writers to the primary and readers to replicas (CloudNativePG's -rw and -ro Services)",
        zone=Zone.DATA,
        replicas=1,
        single_because="it stands for two Services of the cluster, which have no pods",
        ports=(Port(name="writer", number=5000), Port(name="reader", number=5001), Port(name="metrics", number=8404)),
        runs_locally=True,
        source="architecture.md 2; HAProxy asks Patroni's REST: components.md 2",
    ),
    Component(
        name="backups",
        kind=Kind.OBSERVABILITY,
        purpose="makes, verifies and removes backups by their schedules (CloudNativePG's and CronJobs in production)",
        zone=Zone.DATA,
        replicas=1,
        single_because="a schedule is kept by one; while it is away nothing but the next backup waits",
        ports=(Port(name="control", number=9095),),
        stateless=False,
        runs_locally=True,
        source="domain.md 7 (backups on a schedule); issue 6 (a clock that tests can move)",
    ),
)

STORES = Stores(
    postgres=Postgres(
        component="postgres",
        database="audifi_prod",
        version_min=15,
        replicas=2,
        synchronous_any=1,
        engine="cloudnative-pg",
        ttl_s=0,  # CloudNativePG has no lease of its own: Kubernetes' node monitoring decides
        loop_wait_s=0,
        retry_timeout_s=0,
        primary_start_timeout_s=0,
        node_loss_detection_s=55,  # 40-55 s with stock node monitoring (kubernetes.md "What is current")
        replica_lag_max_s=5,
        connections_max=100,
        wal_segment_timeout_s=300,
        source=f"{POSTGRES}; domain.md 5.6 (lag 5 s, 100 connections), 7 (RPO ≤ 5 min aimed); kubernetes.md",
    ),
    pooler=Pooler(
        component="pgbouncer",
        writer_database="audifi",
        reader_database="audifi_ro",
        mode="transaction",
        prepared_statements_max=200,
        client_connections_max=1000,
        pool_size=6,  # × 7 roles × 2 pods = 84 of the primary's 100 connections
        app_pool_max=10,
        connect_timeout_s=10,
        idle_timeout_s=20,
        source=f"{POSTGRES}; domain.md 5.6 (pools); components.md 2 (200 prepared statements)",
    ),
    redis_cluster=RedisCluster(
        component="redis-cluster",
        masters=3,
        replicas_per_master=1,
        node_timeout_ms=2000,
        replica_validity_factor=0,
        append_fsync="everysec",
        eviction="noeviction",
        announce_host_names=True,
        tags=tuple(
            HashTags(
                use=use,
                master=master,
                first_slot=channels.SLOT_RANGES[master][0],
                last_slot=channels.SLOT_RANGES[master][1],
                tags=tags,
                source=f"{REDIS}: {sentence}; domain.md 5.6",
            )
            for use, master, tags, sentence in (
                ("sessions", 1, channels.SESSION_TAGS, "Sessions (Master 1)"),
                ("rate-limits", 2, channels.LIMIT_TAGS, "Rate limiting (Master 2)"),
                ("vstudio", 3, channels.VSTUDIO_TAGS, "V Studio state (Master 3)"),
            )
        ),
        source=f"{REDIS}; domain.md 5.6; components.md 3 (time-out 2000, validity 0: gap 4.2 s)",
    ),
    queue=Queue(
        component="redis-queue",
        append_fsync="always",
        replicas=1,
        wait_replicas=1,
        eviction="noeviction",
        tries=5,
        backoff_s=1,
        backoff_max_s=60,
        source="architecture.md 2, 6.4; domain.md 2.0 (5 tries, 1 s ×2, at most 60 s), 9.37",
    ),
    backups=(
        Backup(
            name="postgres",
            component="postgres",
            method="Barman Cloud plugin to an object store in another region, encrypted",
            full_schedule="0 15 2 * * *",
            incremental_schedule="0 0 * * * *",
            continuous="WAL archive: restores to any second",
            retention_days=30,
            rto_s=3600,
            rpo_s=300,
            detection_s=60,
            source=f"{BACKUPS}: PostgreSQL hourly + daily, 30 days, 1 hour; RPO domain.md 7 (aimed ≤ 5 min)",
        ),
        Backup(
            name="redis-cluster",
            component="redis-cluster",
            method="RDB snapshot to the object store",
            full_schedule="0 45 2 * * *",
            retention_days=7,
            rto_s=900,
            rpo_s=86_400,
            detection_s=60,
            source=f"{BACKUPS}: Redis daily snapshot, 7 days, 15 min; what it holds is rebuilt (domain.md 7)",
        ),
        Backup(
            name="redis-queue",
            component="redis-queue",
            method="AOF always plus a replica; RDB snapshot to the object store",
            full_schedule="0 50 2 * * *",
            continuous="append-only file, fsync always",
            retention_days=7,
            rto_s=900,
            rpo_s=1,
            detection_s=60,
            source=f"{BACKUPS}: Redis 15 min; RPO architecture.md 6.4 (both nodes lost: what fsync of the disk had)",
        ),
        Backup(
            name="ipfs",
            component="pinata",
            method="content stays pinned at two providers; NFT.Storage keeps a preservation copy after mint",
            full_schedule="after mint",
            retention_days=None,
            rto_s=None,
            rpo_s=None,
            detection_s=0,
            source=f"{BACKUPS}: IPFS permanent",
        ),
        Backup(
            name="secrets",
            component="postgres",
            method="encrypted export (age) to the object store",
            full_schedule="on change",
            retention_days=90,
            rto_s=1800,
            rpo_s=0,
            detection_s=60,
            source=f"{BACKUPS}: Secrets on change, 90 days, 30 min",
        ),
    ),
)
