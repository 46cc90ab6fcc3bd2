"""Say how data is kept: databases, pools, caches, queue, backups and secrets.

Between: topology.stores (fills it), local.components and targets.kubernetes (configure servers from it),
topology.audit (compares recovery targets with what the settings can do).
Units: *_s seconds, *_ms milliseconds, *_hours, *_days; slots 0…16383.
Invariant: an asynchronous store never promises RPO 0 (audit).
Errors: none.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, kw_only=True, slots=True)
class Postgres:
    """A primary with streaming replicas, and who decides which is which."""

    component: str
    database: str
    version_min: int
    replicas: int
    synchronous_any: int  # commits wait for this many of the replicas; 0 is asynchronous
    engine: str  # patroni | cloudnative-pg
    ttl_s: int  # leader lease: a lost node is noticed after it
    loop_wait_s: int
    retry_timeout_s: int
    primary_start_timeout_s: int
    node_loss_detection_s: int  # what the engine needs to notice a lost node, at worst
    replica_lag_max_s: int  # a replica further behind serves no reads
    connections_max: int
    wal_segment_timeout_s: int  # archive_timeout: bounds what a lost site can lose
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pooler:
    """PgBouncer in transaction mode."""

    component: str
    writer_database: str
    reader_database: str
    mode: str
    prepared_statements_max: int
    client_connections_max: int
    pool_size: int
    app_pool_max: int  # per pod
    connect_timeout_s: int
    idle_timeout_s: int
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HashTags:
    """The tags that put one use of the cluster on one master: each tag's CRC16 slot lies in the range."""

    use: str
    master: int
    first_slot: int
    last_slot: int
    tags: tuple[str, ...]
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RedisCluster:
    """Masters 1…n own the slot ranges in order; replicas follow."""

    component: str
    masters: int
    replicas_per_master: int
    node_timeout_ms: int
    replica_validity_factor: int
    append_fsync: str
    eviction: str
    announce_host_names: bool
    tags: tuple[HashTags, ...]
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """A Redis apart from the cluster that keeps every acknowledged event."""

    component: str
    append_fsync: str
    replicas: int
    wait_replicas: int  # an event counts as taken when this many replicas have it (WAIT)
    eviction: str
    tries: int
    backoff_s: int
    backoff_max_s: int
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """What is copied where, how often and for how long; and what may be lost. None: does not apply."""

    name: str
    component: str
    method: str
    full_schedule: str  # cron, or "on change", "after mint"
    incremental_schedule: str = ""
    continuous: str = ""  # e.g. WAL archiving: makes point-in-time recovery possible
    retention_days: int | None  # None: kept for ever
    rto_s: int | None
    rpo_s: int | None
    detection_s: int  # before a restore starts, somebody or something has noticed
    source: str


class SecretForm(StrEnum):
    """How a secret is made."""

    PASSWORD = "password"  # noqa: S105  # the form's name
    LOGIN = "login"  # user:password; two users of one role take turns
    SIGNING_KEYS = "signing-keys"  # kept by their service in its own tables, encrypted
    AGE_IDENTITY = "age-identity"  # opens the history of all others: an operator keeps it, nothing that runs has it
    AES_KEYS = "aes-keys"  # kid:base64,… the first encrypts, all decrypt
    ED25519_JWK = "ed25519-jwk"
    ETHEREUM_KEY = "ethereum-key"  # 0x and 64 hexadecimal digits
    PROVIDER = "provider"  # issued by a third party: cannot be generated
    CERTIFICATE = "certificate"


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretDeclaration:
    """A secret that exists. It has no default: absent is an error at start."""

    name: str
    form: SecretForm
    used_by: tuple[str, ...]
    rotation_days: int
    default: str = ""  # must stay empty (audit): kept as a field so that the rule can be broken and tested
    source: str
