"""Alert when PostgreSQL, the Redis Cluster or the queue is not as promised.

Between: topology.alerts.
Shape: PostgreSQL's facts have other names under Patroni (one machine) than under CloudNativePG; the rules are the same.
Errors: none.
Source: domain.md 6.4; Patroni 4.1 "Monitoring endpoint"; CloudNativePG "Monitoring" (default queries);
redis_exporter's README (names).
"""

from dataclasses import dataclass
from typing import Final

from audifi.topology.alerts.wording import CRITICAL, TABLE, WARNING, alert, amount, fewer
from audifi.topology.model.observe import AlertRule
from audifi.topology.model.whole import Topology
from audifi.wire import metrics, streams

MINUTE: Final = 60
SLOTS: Final = 16_384
QUEUE_LONG: Final = 10_000
EVENTS_WAIT_MAX_S: Final = 60
MEMORY_SHARE_MAX: Final = 0.85
MONEY: Final = tuple(streams.of_event(f"{kind}.") for kind in ("payment", "purchase", "invoice", "webhook"))


@dataclass(frozen=True)
class Facts:
    """What is known of PostgreSQL, as queries."""

    primaries: str
    streaming: str  # replicas that follow
    lag_s: str  # per pod


PATRONI: Final = Facts(
    primaries="sum(patroni_primary)",
    streaming="sum(patroni_replica * on (pod) patroni_postgres_streaming)",
    # How old what was replayed last is; nothing new is no lag.
    lag_s="""((time() - patroni_xlog_replayed_timestamp) and on (pod) (patroni_replica == 1)
        and on (pod) (scalar(max(patroni_xlog_location)) - patroni_xlog_replayed_location > 0))""",
)
CLOUDNATIVE: Final = Facts(
    primaries="count(cnpg_pg_replication_in_recovery == 0)",
    streaming="sum(cnpg_pg_replication_is_wal_receiver_up)",
    lag_s="cnpg_pg_replication_lag",
)


def rules(topology: Topology) -> tuple[AlertRule, ...]:
    return (*_postgres(topology), *_redis(topology), *_queue(topology))


def _postgres(t: Topology) -> tuple[AlertRule, ...]:
    declared = t.stores.postgres
    facts = PATRONI if declared.engine == "patroni" else CLOUDNATIVE
    return (
        alert(
            t,
            "PostgresWithoutPrimary",
            CRITICAL,
            "PostgreSQL has no primary: nothing can be written",
            fewer(facts.primaries, amount(t, "postgres-primary"), declared.component),
            after_s=MINUTE,
            component=declared.component,
            promise="postgres-primary",
            runbook="postgres",
        ),
        alert(
            t,
            "PostgresTwoPrimaries",
            CRITICAL,
            "{{ $value }} PostgreSQL servers say they are primary",
            f"{facts.primaries} > {amount(t, 'postgres-primary'):g}",
            after_s=MINUTE,
            component=declared.component,
            promise="postgres-primary",
            runbook="postgres",
            source="promise postgres-primary: one writes, or acknowledged writes are lost",
        ),
        alert(
            t,
            "PostgresWritesStopped",
            CRITICAL,
            "no replica can acknowledge: PostgreSQL stops writes rather than risk them",
            fewer(facts.streaming, declared.synchronous_any, declared.component),
            after_s=MINUTE,
            component=declared.component,
            promise="postgres-no-loss",
            runbook="postgres",
            source="promise postgres-no-loss: a commit waits for a replica",
        ),
        alert(
            t,
            "PostgresReplicaMissing",
            WARNING,
            "{{ $value }} PostgreSQL replicas follow",
            fewer(facts.streaming, amount(t, "postgres-replicas"), declared.component),
            after_s=5 * MINUTE,
            component=declared.component,
            promise="postgres-replicas",
            runbook="postgres",
            source="promise postgres-replicas; five minutes: a node that was replaced copies first",
        ),
        alert(
            t,
            "PostgresReplicaLagging",
            WARNING,
            "{{ $labels.pod }} is {{ $value | humanizeDuration }} behind",
            f"{facts.lag_s} > {declared.replica_lag_max_s}",
            after_s=MINUTE,
            component=declared.component,
            promise="postgres-streaming",
            runbook="postgres",
        ),
    )


def _redis(t: Topology) -> tuple[AlertRule, ...]:
    declared = t.stores.redis_cluster
    name = declared.component
    replicas = declared.masters * declared.replicas_per_master
    return (
        alert(
            t,
            "RedisShardWithoutMaster",
            CRITICAL,
            "only {{ $value }} of the Redis Cluster's slots are served",
            f'min(redis_cluster_slots_ok{{component="{name}"}}) < {SLOTS}',
            after_s=MINUTE,
            component=name,
            promise="redis-masters",
            runbook="redis",
        ),
        alert(
            t,
            "RedisReplicaMissing",
            WARNING,
            "{{ $value }} replicas of the Redis Cluster follow",
            fewer(f'sum(redis_connected_slaves{{component="{name}"}})', replicas, name),
            after_s=5 * MINUTE,
            component=name,
            promise="redis-nodes",
            runbook="redis",
            source="promise redis-nodes: without its replica a master's loss is the shard's",
        ),
        alert(
            t,
            "RedisMemoryHigh",
            WARNING,
            "{{ $labels.pod }} uses {{ $value | humanizePercentage }} of its memory, and evicts nothing",
            f"redis_memory_used_bytes / (redis_memory_max_bytes > 0) > {MEMORY_SHARE_MAX}",
            after_s=10 * MINUTE,
            runbook="redis",
            source=f"{TABLE}: memory > 85 %; eviction is noeviction, so full means refused",
        ),
    )


def _queue(t: Topology) -> tuple[AlertRule, ...]:
    declared = t.stores.queue
    name = declared.component
    money = "|".join(MONEY)
    letters = f"max by (stream, component) ({metrics.QUEUE_DEAD_LETTERS_KEPT.name}"
    return (
        alert(
            t,
            "QueueWithoutMaster",
            CRITICAL,
            "the queue takes no events",
            fewer(f'count(redis_instance_info{{component="{name}",role="master"}})', 1, name),
            after_s=MINUTE,
            component=name,
            promise="queue-no-loss",
            runbook="queue",
            source="promise queue-no-loss; domain.md 6.4 names shards of the cluster, the queue is none",
        ),
        alert(
            t,
            "QueueNotReplicated",
            CRITICAL,
            "the queue's replica is gone: no event counts as taken",
            fewer(f'sum(redis_connected_slaves{{component="{name}"}})', declared.wait_replicas, name),
            after_s=MINUTE,
            component=name,
            promise="queue-no-loss",
            runbook="queue",
            source="promise queue-no-loss: an event is taken when a replica has it",
        ),
        alert(
            t,
            "QueueDeadLettersOfMoney",
            CRITICAL,
            "{{ $value }} events of {{ $labels.stream }} were given up by {{ $labels.component }}",
            f'{letters}{{stream=~"{money}"}}) > 0',
            after_s=1,
            runbook="queue",
        ),
        alert(
            t,
            "QueueDeadLetters",
            WARNING,
            "{{ $value }} events of {{ $labels.stream }} were given up by {{ $labels.component }}",
            f'{letters}{{stream!~"{money}"}}) > 0',
            after_s=MINUTE,
            runbook="queue",
            source=f"{TABLE} pages for money; other events wait for working hours",
        ),
        alert(
            t,
            "QueueLong",
            WARNING,
            "{{ $value }} entries of {{ $labels.stream }} wait for {{ $labels.component }}",
            f"max by (stream, component) ({metrics.QUEUE_DEPTH.name}) > {QUEUE_LONG}",
            after_s=MINUTE,
            runbook="queue",
        ),
        alert(
            t,
            "OutboxStuck",
            WARNING,
            "events of {{ $labels.component }} wait {{ $value | humanizeDuration }} to reach the queue",
            f"max by (component) ({metrics.OUTBOX_LAG.name}) > {EVENTS_WAIT_MAX_S / t.watching.pace:g}",
            after_s=MINUTE,
            runbook="queue",
            is_symptom=True,
            source="domain.md 6.4, SLOs: a webhook is processed in < 60 s",
        ),
    )
