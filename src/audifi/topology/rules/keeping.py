"""Judge how data is kept: counts, connections, hash tags, and recovery targets against what the settings can do.

Between: topology.audit (runs RULES). Source of each rule: its docstring.
Units: seconds, connections, slots.
Errors: none; findings are notes.
"""

import binascii
from collections.abc import Iterator
from typing import Final

from audifi.topology.detection import detection_s
from audifi.topology.model.data import HashTags
from audifi.topology.model.promise import PromiseKind
from audifi.topology.model.whole import Topology
from audifi.topology.note import Note, Rule, error, warning
from audifi.topology.secrets import WITH_DATABASE

SLOTS: Final = 16_384  # Redis Cluster specification
PATRONI_TTL_MIN_S: Final = 20  # Patroni refuses less (components.md 2)
RESERVED_CONNECTIONS: Final = 10  # replication, superuser, exporter


def slot(tag: str) -> int:
    """The slot of keys with this hash tag: CRC16 (XMODEM) modulo 16384. Source: Redis Cluster specification."""
    return binascii.crc_hqx(tag.encode(), 0) % SLOTS


def counts_agree(topology: Topology) -> Iterator[Note]:
    """Pods must be as many as the store's own settings need."""
    stores = topology.stores
    cluster = stores.redis_cluster
    for name, wanted in (
        (stores.postgres.component, 1 + stores.postgres.replicas),
        (cluster.component, cluster.masters * (1 + cluster.replicas_per_master)),
        (stores.queue.component, 1 + stores.queue.replicas),
    ):
        found = [component.replicas for component in topology.components if component.name == name]
        if found != [wanted]:
            yield error(
                "store-count",
                name,
                f"{found[0] if found else 'no'} pods, its settings need {wanted}",
                "make the two agree",
            )


def hash_tags_fit(topology: Topology) -> Iterator[Note]:
    """A tag outside its range puts a key on another master than the design says."""
    for group in topology.stores.redis_cluster.tags:
        for tag in group.tags:
            if not group.first_slot <= slot(tag) <= group.last_slot:
                reason = (
                    f"tag {{{tag}}} of {group.use} has slot {slot(tag)}, outside {group.first_slot}-{group.last_slot}"
                )
                yield error("hash-tag", "redis-cluster", reason, "choose a tag whose CRC16 slot lies in the range")
        if len(set(group.tags)) < len(group.tags):
            yield error("hash-tag", "redis-cluster", f"{group.use} names a tag twice", "name each tag once")


def slots_are_covered(topology: Topology) -> Iterator[Note]:
    """Every slot belongs to exactly one master, or the cluster refuses to serve."""
    groups: list[HashTags] = sorted(topology.stores.redis_cluster.tags, key=lambda group: group.first_slot)
    edges = [-1, *(group.last_slot for group in groups)]
    starts = [*(group.first_slot for group in groups), SLOTS]
    if any(start != before + 1 for before, start in zip(edges, starts, strict=True)):
        yield error(
            "slot-range", "redis-cluster", "the masters' ranges leave slots out or share them", "cover 0-16383 once"
        )


def nothing_is_evicted(topology: Topology) -> Iterator[Note]:
    """An evicting Redis drops sessions and events when it is full (domain.md 9.37)."""
    stores = topology.stores
    for name, eviction in (
        (stores.redis_cluster.component, stores.redis_cluster.eviction),
        (stores.queue.component, stores.queue.eviction),
    ):
        if eviction != "noeviction":
            yield error("eviction", name, f"eviction is {eviction}", "set noeviction and alert on memory")


def recovery_time_is_possible(topology: Topology) -> Iterator[Note]:
    """A promise to recover before the loss is noticed is a lie."""
    for promise in topology.promises:
        if promise.kind is not PromiseKind.RECOVERY_TIME or promise.budget is None:
            continue
        noticed_s = detection_s(topology, promise.component, promise.fault)
        if promise.budget.amount <= noticed_s:
            reason = f"{promise.name} promises {promise.budget}, but the loss is noticed only after {noticed_s:g} s"
            yield error("rto-below-detection", promise.component, reason, "promise more, or detect faster")
    for backup in topology.stores.backups:
        if backup.rto_s is not None and backup.rto_s <= backup.detection_s:
            reason = f"RTO {backup.rto_s} s of backup {backup.name} is within its detection time {backup.detection_s} s"
            yield error("rto-below-detection", backup.component, reason, "promise more, or detect faster")


def lease_is_possible(topology: Topology) -> Iterator[Note]:
    """Patroni refuses a ttl below 20 s."""
    postgres = topology.stores.postgres
    if postgres.engine == "patroni" and postgres.ttl_s < PATRONI_TTL_MIN_S:
        reason = f"ttl {postgres.ttl_s} s is below Patroni's smallest, {PATRONI_TTL_MIN_S} s"
        yield error("patroni-ttl", postgres.component, reason, f"set at least {PATRONI_TTL_MIN_S}")
    if postgres.engine == "patroni" and postgres.ttl_s < postgres.loop_wait_s + 2 * postgres.retry_timeout_s:
        reason = f"ttl {postgres.ttl_s} s is below loop_wait + 2 × retry_timeout"
        yield error("patroni-ttl", postgres.component, reason, "raise ttl: a healthy primary would lose its lease")


def zero_loss_is_synchronous(topology: Topology) -> Iterator[Note]:
    """RPO 0 needs a second copy before the answer."""
    stores = topology.stores
    copies = {
        stores.postgres.component: stores.postgres.synchronous_any,
        stores.queue.component: stores.queue.wait_replicas,
    }
    for promise in topology.promises:
        lossless = (
            promise.kind is PromiseKind.RECOVERY_POINT and promise.budget is not None and promise.budget.amount == 0
        )
        if lossless and copies.get(promise.component, 1) == 0:
            reason = f"{promise.name} promises no loss, but replication is asynchronous"
            yield error("rpo-asynchronous", promise.component, reason, "wait for one replica, or promise some loss")
    if stores.queue.append_fsync != "always":
        reason = f"appendfsync {stores.queue.append_fsync}: an acknowledged event may be lost at a crash"
        yield error("rpo-asynchronous", stores.queue.component, reason, "set appendfsync always")
    if stores.queue.wait_replicas > stores.queue.replicas:
        reason = f"waits for {stores.queue.wait_replicas} replicas, there are {stores.queue.replicas}"
        yield error("rpo-asynchronous", stores.queue.component, reason, "lower wait_replicas or add replicas")


def backups_meet_their_rpo(topology: Topology) -> Iterator[Note]:
    """A daily copy loses up to a day, whatever a table says (architecture.md 6.4)."""
    for backup in topology.stores.backups:
        interval_s = _interval_s(backup.incremental_schedule or backup.full_schedule)
        if backup.rpo_s is not None and not backup.continuous and backup.rpo_s < interval_s:
            reason = f"backup {backup.name} is taken every {interval_s} s but promises an RPO of {backup.rpo_s} s"
            yield error("rpo-below-interval", backup.component, reason, "archive continuously, or promise the interval")


def _interval_s(schedule: str) -> int:
    """How long between runs of a six-field cron schedule, at worst; 0 for one tied to an event."""
    fields = schedule.split()
    if len(fields) != 6 or not all(set(field) <= set("0123456789*/,-") for field in fields):
        return 0  # "on change", "after mint"
    return 3600 if fields[2] == "*" else 86_400


def connections_suffice(topology: Topology) -> Iterator[Note]:
    """Pools that together ask for more connections than the server has fail under load, not before."""
    pooler, postgres = topology.stores.pooler, topology.stores.postgres
    poolers = sum(component.replicas for component in topology.components if component.name == pooler.component)
    asked = poolers * len(WITH_DATABASE) * pooler.pool_size
    if asked > postgres.connections_max - RESERVED_CONNECTIONS:
        roles = len(WITH_DATABASE)
        reason = (
            f"{poolers} poolers × {roles} roles × {pooler.pool_size} = {asked} connections, "
            f"the server takes {postgres.connections_max} and keeps {RESERVED_CONNECTIONS} back"
        )
        yield error("connections", pooler.component, reason, "lower pool_size or raise connections_max")
    clients = pooler.app_pool_max * sum(
        component.replicas for component in topology.components if component.name in WITH_DATABASE
    )
    if 2 * clients > pooler.client_connections_max:  # a writer and a reader pool per pod
        reason = f"pods may open {2 * clients} connections, the pooler takes {pooler.client_connections_max}"
        yield error("connections", pooler.component, reason, "raise client_connections_max or shrink the pods' pools")
    if pooler.mode != "transaction":
        reason = f"pool mode is {pooler.mode}"
        yield warning(
            "connections", pooler.component, reason, "use transaction mode: it is what the code is tested with"
        )


RULES: Final[tuple[Rule, ...]] = (
    counts_agree,
    hash_tags_fit,
    slots_are_covered,
    nothing_is_evicted,
    recovery_time_is_possible,
    lease_is_possible,
    zero_loss_is_synchronous,
    backups_meet_their_rpo,
    connections_suffice,
)
