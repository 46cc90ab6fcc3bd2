"""Say how long a fault goes unnoticed with the settings declared: no recovery can be faster than that.

Between: topology.rules.keeping (a promise below it cannot hold), topology.promises (budgets), drills.
Units: seconds.
Errors: none; a fault nobody detects by itself answers 0.
Source: Patroni's ttl (components.md 2: node lost 20.5 s with ttl 20); CloudNativePG 40-55 s (kubernetes.md); Redis
Cluster's node time-out (components.md 3); probes: period × failures.
"""

from audifi.topology.model.whole import Topology

PROCESS_KILLED = "process-killed"
ALL_KILLED = "all-killed"
NODE_LOST = "node-lost"
RESTORE = "restore"
REGION_LOST = "region-lost"


def detection_s(topology: Topology, component_name: str, fault: str) -> float:
    """How long until somebody or something has noticed, at worst."""
    stores = topology.stores
    if fault == RESTORE:
        return max((backup.detection_s for backup in stores.backups if backup.component == component_name), default=0)
    if fault == REGION_LOST:
        return max((steering.detection_s for steering in topology.surface.dns.steering), default=0)
    if component_name == stores.postgres.component and fault == NODE_LOST:
        return max(stores.postgres.node_loss_detection_s, stores.postgres.ttl_s)
    if component_name == stores.postgres.component:
        return stores.postgres.loop_wait_s
    if component_name == stores.redis_cluster.component:
        return stores.redis_cluster.node_timeout_ms / 1000
    return 0
