"""Alert before something ends: backups, certificates, disks, memory.

Between: topology.alerts.
Units: ages in seconds of the backups' own clock, which drills may move.
Errors: none.
Source: domain.md 6.4, 7 (a restore test every month); topology.stores.backups (schedules).
"""

from itertools import groupby
from typing import Final

from audifi.topology.alerts.wording import CRITICAL, TABLE, WARNING, alert, window
from audifi.topology.model.compute import Component
from audifi.topology.model.observe import AlertRule
from audifi.topology.model.whole import Topology
from audifi.topology.secrets import WITH_IDENTITY
from audifi.wire import metrics

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86_400
CERTIFICATE_DAYS_MIN: Final = 14
FREE_SHARE_MIN: Final = 0.2
MEMORY_SHARE_MAX: Final = 0.85
PERIODS_MAX: Final = 2
RESTORE_TEST_DAYS: Final = 31
MIB: Final = 1024 * 1024


def rules(topology: Topology) -> tuple[AlertRule, ...]:
    return (*_backups(topology), *_machines(topology))


def _backups(t: Topology) -> tuple[AlertRule, ...]:
    return (
        alert(
            t,
            "BackupLate",
            CRITICAL,
            "the newest backup of {{ $labels.component }} is {{ $value | humanizeDuration }} old",
            f"{metrics.BACKUP_AGE.name} > {PERIODS_MAX} * {metrics.BACKUP_PERIOD.name}",
            after_s=MINUTE,
            promise="postgres-rpo",
            runbook="backups",
            source=f"{TABLE}: older than 2× its period (topology.stores.backups)",
        ),
        alert(
            t,
            "BackupFailed",
            WARNING,
            "a backup of {{ $labels.component }} failed",
            f"increase({metrics.BACKUP_FAILURES.name}[{window(t, HOUR)}]) > 0",
            after_s=1,
            runbook="backups",
            source="issue 6: a late or failed backup raises its alert; one failure is tried again, two are late",
        ),
        alert(
            t,
            "BackupDamaged",
            CRITICAL,
            "{{ $value }} backups of {{ $labels.component }} cannot be read",
            f"{metrics.BACKUP_DAMAGED.name} > 0",
            after_s=1,
            runbook="backups",
            source="domain.md 7: checksummed, verified; what cannot be read is no backup",
        ),
        alert(
            t,
            "RestoreNotProven",
            WARNING,
            "no restore was proven for {{ $value | humanizeDuration }}",
            f"time() - {metrics.BACKUP_RESTORE_VERIFIED.name} > {RESTORE_TEST_DAYS * DAY}",
            after_s=MINUTE,
            runbook="backups",
            source="domain.md 7: restore test monthly",
        ),
    )


def _machines(t: Topology) -> tuple[AlertRule, ...]:
    return (
        alert(
            t,
            "CertificateExpiring",
            WARNING,
            "the certificate of {{ $labels.pod }} ends in {{ $value | humanize }} days",
            f"(probe_ssl_earliest_cert_expiry - time()) / {DAY} < {CERTIFICATE_DAYS_MIN}",
            after_s=MINUTE,
            component="edge",
            runbook="certificates",
        ),
        alert(
            t,
            "DiskFilling",
            WARNING,
            "{{ $value | humanizePercentage }} of a disk is left ({{ $labels.mountpoint }}"
            "{{ $labels.persistentvolumeclaim }})",
            f"{_free(t)} < {FREE_SHARE_MIN}",
            after_s=10 * MINUTE,
            runbook="machines",
        ),
        alert(
            t,
            "MemoryHigh",
            WARNING,
            "{{ $labels.pod }} uses {{ $value | humanizePercentage }} of the memory it may use",
            _memory(t),
            after_s=10 * MINUTE,
            runbook="machines",
        ),
    )


def _free(t: Topology) -> str:
    if t.environment == "local":
        return "node_filesystem_avail_bytes / node_filesystem_size_bytes"
    return "kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes"


def _memory(t: Topology) -> str:
    """Each component by its own limit; components that share a limit share a query."""
    ours = (component for component in t.components if component.name in WITH_IDENTITY)  # others do not say it
    limited = sorted(ours, key=_limit_mib)
    shares = [
        f'process_resident_memory_bytes{{component=~"{"|".join(component.name for component in group)}"}}'
        f" / {limit_mib * MIB} > {MEMORY_SHARE_MAX}"
        for limit_mib, group in groupby(limited, key=_limit_mib)
        if limit_mib
    ]
    return " or ".join(shares)


def _limit_mib(component: Component) -> int:
    return component.resources.memory_limit_mib if component.resources else 0
