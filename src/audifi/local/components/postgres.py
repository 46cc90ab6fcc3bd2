"""Run PostgreSQL: a primary and two streaming replicas that Patroni keeps in their roles.

Between: topology.stores.postgres (numbers), components.etcd (lease), components.postgres_services (asks the REST
interface who is what) and components.database_roles (fills the empty cluster).

Which commits survive: a commit returns when any one replica has it on disk (`synchronous_mode: quorum`, ANY 1), and
only a replica that has everything acknowledged may take over. Losing one replica does not stop writes, because the
other one counts as well. Losing both stops them (`synchronous_mode_strict`): an acknowledgement that only one disk
could keep would be a lie.
How fast: `primary_start_timeout: 0` makes a crashed primary hand over at once instead of being started again;
`loop_wait: 1` is how often Patroni looks; a whole lost node is noticed after `ttl: 20`, Patroni's smallest.

Units: Patroni's seconds; PostgreSQL's own units in quotes.
Invariant: refuses root: runs as the unprivileged user. Passwords only in files of 0600. No Unix socket (a path may be
longer than a socket's 107 bytes).
Errors: NotReady with Patroni's own words.
Source: https://patroni.readthedocs.io/en/latest/dynamic_configuration.html (4.1); measured: components.md 2.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml

from audifi.local.binaries import postgres_binaries
from audifi.local.components import JobSpec, PodSpec
from audifi.local.components.database_roles import create_roles
from audifi.local.files import make_directory, write_private
from audifi.local.ports import LOOPBACK
from audifi.local.probes import http_json
from audifi.local.recovery.postgres import settings as backup_settings
from audifi.local.resolution import port, ports, secret
from audifi.local.state import Instance
from audifi.local.users import unprivileged_user
from audifi.local.waiting import NotReady
from audifi.topology.model.whole import Topology

SUPERUSER: Final = "postgres"
CONNECTIONS_MAX: Final = 200  # pools of seven roles, both databases, on either node after a failover

# Sized for one small machine that runs three servers: memory is the machine's, not production's.
PARAMETERS: Final[dict[str, str | int]] = {
    # Until the backups component has prepared a repository (recovery.postgres.kind): finished segments may go.
    "archive_command": "/bin/true",
    "autovacuum_max_workers": 2,
    "hot_standby_feedback": "on",
    "idle_session_timeout": 0,
    "jit": "off",  # short statements: compiling costs more than it saves
    "log_checkpoints": "off",
    "log_lock_waits": "on",
    "log_min_duration_statement": "500ms",
    "logging_collector": "off",  # standard error is the pod's log
    "max_connections": CONNECTIONS_MAX,
    "max_replication_slots": 8,
    "max_wal_senders": 8,
    "max_wal_size": "512MB",
    "min_wal_size": "64MB",
    "password_encryption": "scram-sha-256",
    "random_page_cost": "1.1",
    "shared_buffers": "64MB",
    "track_io_timing": "on",
    "unix_socket_directories": "",
    "wal_keep_size": "128MB",  # pg_rewind needs the log since the fork
    "wal_level": "replica",
    "wal_receiver_status_interval": "1s",
    "wal_receiver_timeout": "5s",
    "wal_sender_timeout": "5s",
}


# Roles of GET /cluster. Source: Patroni 4.1 documentation, "REST API", "Synchronous mode" (quorum commit).
SYNCHRONOUS: Final = frozenset({"sync_standby", "quorum_standby"})


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    return tuple(_pod(instance, topology, name) for name in topology.component("postgres").pods)


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:
    return (
        JobSpec(
            name="postgres:roles",
            component="postgres",
            after=("postgres-services-1", *topology.component("postgres").pods),
            run=partial(create_roles, instance, topology),
        ),
        JobSpec(
            name="postgres:synchronous",
            component="postgres",
            after=topology.component("postgres").pods,
            run=partial(_has_synchronous_standby, instance, topology),
        ),
    )


def _pod(instance: Instance, topology: Topology, name: str) -> PodSpec:
    numbers = ports(instance, topology, name, "postgres", "rest")
    settings = instance.config(name) / "patroni.yml"
    return PodSpec(
        name=name,
        component="postgres",
        argv=(sys.executable, "-m", "patroni", str(settings)),
        user="unprivileged",
        env=backup_settings.environment(instance, name),
        ports=numbers,
        after=("etcd",),
        prepare=partial(_prepare, instance, topology, name, settings),
        ready=partial(_serves, numbers["rest"]),
        stop_grace_s=20.0,  # a shutdown writes a checkpoint first
        ready_within_s=300.0,  # a replica copies the primary first: gigabytes on a busy disk
    )


def _prepare(instance: Instance, topology: Topology, name: str, settings: Path) -> None:
    user = unprivileged_user()
    make_directory(settings.parent, user=user, mode=0o700)
    backup_settings.write(instance, topology, name)
    text = yaml.safe_dump(configuration(instance, topology, name), sort_keys=True)
    write_private(settings, text, user=user)


def configuration(instance: Instance, topology: Topology, name: str) -> dict[str, Any]:
    """patroni.yml."""
    numbers = ports(instance, topology, name, "postgres", "rest")
    etcd = [f"{LOOPBACK}:{port(instance, topology, pod, 'client')}" for pod in topology.component("etcd").pods]
    return {
        "scope": "postgres",
        "namespace": "/audifi/",
        "name": name,
        "etcd3": {"hosts": etcd, "protocol": "http"},
        "restapi": {
            "listen": f"{LOOPBACK}:{numbers['rest']}",
            "connect_address": f"{LOOPBACK}:{numbers['rest']}",
            "authentication": {"username": "patroni", "password": secret(instance, topology, "postgres-rest")},
        },
        "bootstrap": {
            "dcs": cluster_wide(topology),
            "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
        },
        "postgresql": _server(instance, topology, name, numbers["postgres"]),
    }


def cluster_wide(topology: Topology) -> dict[str, Any]:
    """What Patroni keeps in etcd: the same for every pod."""
    declared = topology.stores.postgres
    return {
        "ttl": declared.ttl_s,
        "loop_wait": declared.loop_wait_s,
        "retry_timeout": declared.retry_timeout_s,
        "primary_start_timeout": declared.primary_start_timeout_s,
        "synchronous_mode": "quorum",
        "synchronous_mode_strict": True,
        "synchronous_node_count": declared.synchronous_any,
        "postgresql": {"use_pg_rewind": True, "use_slots": True, "parameters": PARAMETERS},
    }


def _server(instance: Instance, topology: Topology, name: str, number: int) -> dict[str, Any]:
    return {
        "listen": f"{LOOPBACK}:{number}",
        "connect_address": f"{LOOPBACK}:{number}",
        "bin_dir": str(postgres_binaries()),
        "data_dir": str(instance.data(name) / "pgdata"),
        "pgpass": str(instance.config(name) / "pgpass"),
        "authentication": {
            "superuser": {"username": SUPERUSER, "password": secret(instance, topology, "postgres-superuser")},
            "replication": {"username": "replicator", "password": secret(instance, topology, "postgres-replication")},
            "rewind": {"username": "rewinder", "password": secret(instance, topology, "postgres-rewind")},
        },
        "pg_hba": [
            f"host replication replicator {LOOPBACK}/32 scram-sha-256",
            f"host all all {LOOPBACK}/32 scram-sha-256",
        ],
        "basebackup": [{"checkpoint": "fast"}],
        "parameters": {
            "unix_socket_directories": "",
            "archive_mode": "on",  # cannot be switched on without a restart
            "archive_timeout": topology.stores.postgres.wal_segment_timeout_s,
        },
    }


async def _serves(rest: int) -> str:
    # {"state": "running", "role": "replica", "replication_state": "streaming", "timeline": 1, …}
    member = await http_json(rest, "/patroni")
    role, state = member.get("role"), member.get("state")
    timeline = member.get("timeline")
    if state == "running" and role in {"primary", "master"}:
        return f"primary, timeline {timeline}"
    if state in {"running", "streaming"} and member.get("replication_state") == "streaming":
        return f"replica, streaming, timeline {timeline}"
    raise NotReady(f"{role}, {state}, {member.get('replication_state', 'not streaming')}")


async def _has_synchronous_standby(instance: Instance, topology: Topology) -> str:
    """Until Patroni has registered one, a killed primary would be restarted in place instead of replaced."""
    pod = topology.component("postgres").pods[0]
    cluster = await http_json(port(instance, topology, pod, "rest"), "/cluster")
    names = [member["name"] for member in cluster["members"] if member["role"] in SYNCHRONOUS]
    if not names:
        raise NotReady("no replica is registered as synchronous yet")
    return f"synchronous: {', '.join(names)}"
