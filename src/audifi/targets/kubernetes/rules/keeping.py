"""Where data is kept: a database that loses nothing, a Redis that finds itself again, jobs that end, secrets by name.

Between: lint.py and the rendered set.
Invariant: numbers are the topology's; what is compared here is that the set says them.
Errors: none.
Source: shared/kubernetes.md, acceptance checklist, Postgres, Redis, Backups, Secrets, X09, X10;
https://cloudnative-pg.io/documentation/current/postgresql_conf/#fixed-parameters
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from audifi.targets.kubernetes.documents import COMPONENT, Json
from audifi.targets.kubernetes.reading import Objects, dig, many, mapping, where
from audifi.targets.kubernetes.rules.pods import amount
from audifi.targets.kubernetes.rules.rule import Rule, Seen
from audifi.topology.model.compute import Kind
from audifi.topology.model.whole import Topology

POSTGRES: Final = "postgresql.cnpg.io"
RESERVED: Final = 3  # connections that PostgreSQL keeps for its superuser (superuser_reserved_connections)
SIX_FIELDS: Final = re.compile(r"^\S+( \S+){5}$")
# What CloudNativePG sets itself, and refuses in spec.postgresql.parameters.
FIXED: Final = re.compile(
    r"^(allow_system_table_mods|archive_(cleanup_)?command|archive_mode|bonjour\w*|cluster_name|config_file|data_directory"
    r"|data_sync_retry|event_source|external_pid_file|hba_file|hot_standby|ident_file|jit_provider|listen_addresses"
    r"|log_(destination|directory|file_mode|filename|rotation_\w+|truncate_on_rotation)|logging_collector|port"
    r"|primary_\w+|promote_trigger_file|recovery_\w+|restart_after_crash|restore_command|shared_preload_libraries"
    r"|ssl\w*|stats_temp_directory|synchronous_standby_names|syslog_\w+|unix_socket_\w+)$"
)


def _databases(objects: Objects) -> list[Json]:
    return [each for each in objects.of("Cluster") if str(each["apiVersion"]).startswith(POSTGRES)]


def databases_safe(objects: Objects, topology: Topology) -> Iterator[Seen]:
    """Three instances, one of two replicas has every commit, memory that is not taken away, an archive."""
    declared = topology.stores.postgres
    for cluster in _databases(objects):
        spec = mapping(cluster, "spec")
        synchronous = mapping(spec, "postgresql.synchronous")
        asked, most = mapping(spec, "resources.requests"), mapping(spec, "resources.limits")
        fixed = [name for name in mapping(spec, "postgresql.parameters") if FIXED.match(name)]
        spread = [each["topologyKey"] for each in many(spec, "topologySpreadConstraints")]
        count = spec.get("instances")
        faults = {
            f"{count} instances, not {declared.replicas + 1}": count != declared.replicas + 1,
            f"synchronous is {synchronous}": (synchronous.get("method"), synchronous.get("number"))
            != ("any", declared.synchronous_any),
            "durability is not required": synchronous.get("dataDurability") != "required",
            "WAL shares the data's volume": "walStorage" not in spec,
            "memory is not guaranteed": asked.get("memory") != most.get("memory"),
            "the superuser may sign in": spec.get("enableSuperuserAccess") is not False,
            "zones are not kept apart": not any("zone" in key for key in spread),
            "no plugin archives WAL": not any(each.get("isWALArchiver") for each in many(spec, "plugins")),
            f"the operator sets {fixed} itself": bool(fixed),
        }
        yield where(cluster), "; ".join(said for said, wrong in faults.items() if wrong)


def connections_fit(objects: Objects, topology: Topology) -> Iterator[Seen]:
    """Every pooler's pools together fit the server; every pod's pool fits the poolers."""
    roles = sum(1 for link in topology.links_to(topology.stores.pooler.component) if link.kind == "store")
    for pooler in objects.of("Pooler"):
        parameters = mapping(pooler, "spec.pgbouncer.parameters")
        cluster = objects.find("Cluster", dig(pooler, "metadata.namespace"), str(dig(pooler, "spec.cluster.name")))
        room = int(mapping(cluster, "spec.postgresql.parameters").get("max_connections", 100)) - RESERVED
        opened = int(parameters.get("default_pool_size", 20)) * roles * int(dig(pooler, "spec.instances"))
        wrong = [] if cluster else ["its Cluster does not exist"]
        wrong += [] if opened <= room else [f"opens {opened} connections, PostgreSQL has {room}"]
        wrong += [] if dig(pooler, "spec.pgbouncer.poolMode") == "transaction" else ["not in transaction mode"]
        prepared = int(parameters.get("max_prepared_statements", 0))
        wrong += [] if prepared else ["forgets prepared statements"]
        clients = int(parameters.get("max_client_conn", 100)) * int(dig(pooler, "spec.instances"))
        most = (
            sum(_pods_max(objects, each.document) for each in objects.lasting()) * topology.stores.pooler.app_pool_max
        )
        wrong += [] if most <= clients else [f"{most} connections of pods, room for {clients}"]
        yield where(pooler), "; ".join(wrong)


def _pods_max(objects: Objects, workload: Json) -> int:
    for scaler in objects.of("HorizontalPodAutoscaler"):
        if dig(scaler, "spec.scaleTargetRef.name") == dig(workload, "metadata.name"):
            return int(dig(scaler, "spec.maxReplicas"))
    return int(dig(workload, "spec.replicas") or 1)


def quotas_fit(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """All pods at their most, with what a rollout adds, fit the namespace's quota; operators' pods come on top."""
    for quota in objects.of("ResourceQuota"):
        here = [each for each in objects.lasting() if each.namespace == dig(quota, "metadata.namespace")]
        hard = mapping(quota, "spec.hard")
        for name in ("cpu", "memory"):
            asked = sum(
                (_pods_max(objects, pod.document) + 1) * amount(mapping(container, "resources.requests").get(name, 0))
                for pod in here
                for container in many(pod.spec, "containers")
            )
            wanted = hard.get(f"requests.{name}")
            fits = wanted is not None and asked <= amount(wanted)
            yield where(quota), "" if fits else f"pods ask for {asked:g} of {name}, the quota is {wanted}"


def backups_scheduled(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """X09: six fields, seconds first; a schedule of five would be refused, or run at another time than meant."""
    for backup in objects.of("ScheduledBackup"):
        place, schedule = dig(backup, "metadata.namespace"), str(dig(backup, "spec.schedule"))
        cluster = objects.find("Cluster", place, str(dig(backup, "spec.cluster.name")))
        stores = [str(dig(each, "parameters.barmanObjectName")) for each in many(cluster, "spec.plugins")]
        missing = [name for name in stores if not objects.find("ObjectStore", place, name)]
        wrong = [] if SIX_FIELDS.match(schedule) else [f"schedule {schedule!r} has not six fields"]
        wrong += [] if cluster else ["its Cluster does not exist"]
        wrong += [f"there is no ObjectStore {name}" for name in missing]
        wrong += [] if dig(backup, "spec.method") == "plugin" else ["not by the plugin: the built-in way goes in 1.31"]
        yield where(backup), "; ".join(wrong)
    for store in objects.of("ObjectStore"):
        yield where(store), "" if dig(store, "spec.retentionPolicy") else "keeps backups for ever"


def redis_heals(objects: Objects, topology: Topology) -> Iterator[Seen]:
    """Pods that keep a name, a volume and a log of writes, and announce themselves by that name."""
    kept = {each.name: each for each in topology.components if each.kind in {Kind.CACHE, Kind.QUEUE}}
    for pod in objects.lasting():
        component = kept.get(pod.labels.get(COMPONENT, ""))
        if component is None:
            continue
        spec, place = mapping(pod.document, "spec"), dig(pod.document, "metadata.namespace")
        headless = objects.find("Service", place, str(spec.get("serviceName")))
        said = _settings(objects, pod.document, place)
        faults = {
            "is no StatefulSet": pod.document["kind"] != "StatefulSet",
            f"{spec.get('replicas')} pods, not {component.replicas}": spec.get("replicas") != component.replicas,
            "no volume": not many(spec, "volumeClaimTemplates"),
            "no headless Service names its pods": dig(headless, "spec.clusterIP") != "None",
            "pods are named before they are ready, or not at all": not dig(headless, "spec.publishNotReadyAddresses"),
            "starts one pod after the other: a majority waits": spec.get("podManagementPolicy") != "Parallel",
            "no log of writes (appendonly)": not re.search(r"appendonly\W+yes", said),
            "may forget keys (maxmemory-policy)": not re.search(r"maxmemory-policy\W+noeviction", said),
            "announces no host name": component.kind is Kind.CACHE and "cluster-announce-hostname" not in said,
        }
        yield pod.where, "; ".join(text for text, wrong in faults.items() if wrong)


def _settings(objects: Objects, workload: Json, place: str) -> str:
    """Everything the pods are told: arguments, and the texts of the ConfigMaps and Secrets' templates they mount."""
    spec = mapping(workload, "spec.template.spec")
    told: list[Any] = [
        word
        for container in [*many(spec, "initContainers"), *many(spec, "containers")]
        for key in ("command", "args")
        for word in container.get(key, [])
    ]
    for volume in many(spec, "volumes"):
        for source in [volume, *many(volume, "projected.sources")]:
            name = dig(source, "configMap.name") or dig(source, "secret.secretName") or dig(source, "secret.name")
            for kind in ("ConfigMap", "ExternalSecret"):
                found = objects.find(kind, place, str(name))
                told += [*mapping(found, "data").values(), *mapping(found, "spec.target.template.data").values()]
    return "\n".join(str(each) for each in told).replace('" "', " ")


def jobs_end(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """A job gives up, is cleared away, and never runs beside itself."""
    for job in objects.of("Job", "CronJob"):
        spec = mapping(job, "spec")
        inner = mapping(spec, "jobTemplate.spec") if job["kind"] == "CronJob" else spec
        ends = ("backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished")
        wrong = [f"no {name}" for name in ends if name not in inner]
        if job["kind"] == "CronJob":
            wanted = ("timeZone", "successfulJobsHistoryLimit", "failedJobsHistoryLimit", "startingDeadlineSeconds")
            wrong += [f"no {name}" for name in wanted if name not in spec]
            wrong += [] if spec.get("concurrencyPolicy") == "Forbid" else ["may run beside itself"]
        yield where(job), "; ".join(wrong)


def secrets_fetched(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """Every secret names its store, which exists, and is asked for again."""
    for secret in objects.of("ExternalSecret"):
        store = mapping(secret, "spec.secretStoreRef")
        kind = store.get("kind", "SecretStore")
        place = None if kind == "ClusterSecretStore" else dig(secret, "metadata.namespace")
        name = str(store.get("name"))
        wrong = [] if objects.find(kind, place, name) else [f"there is no {kind} {name}"]
        wrong += [] if dig(secret, "spec.refreshInterval") not in {None, "0", "0s"} else ["is never asked for again"]
        yield where(secret), "; ".join(wrong)


RULES: Final = (
    Rule(
        name="database-safe",
        says="PostgreSQL: three instances apart, a synchronous quorum, WAL apart and archived, no superuser",
        remedy="mend postgres.py; the numbers are topology/stores.py's",
        look=databases_safe,
    ),
    Rule(
        name="connections-fit",
        says="Pods at their most fit the poolers, the poolers' pools fit PostgreSQL; transaction mode",
        remedy="mend the Pooler's numbers in topology/stores.py",
        look=connections_fit,
    ),
    Rule(
        name="quota-fits",
        says="Pods at their most, with one more of each during a rollout, fit the namespace's quota",
        remedy="raise the namespace's headroom_percent in topology/cluster.py",
        look=quotas_fit,
    ),
    Rule(
        name="backup-scheduled",
        says="Backups have six-field schedules, the plugin, a store that exists and a retention",
        remedy="mend postgres.py or the Backup in topology/stores.py",
        look=backups_scheduled,
    ),
    Rule(
        name="redis-heals",
        says="Redis keeps names, volumes and a log of writes, and announces host names: all pods may restart at once",
        remedy="mend redis.py",
        look=redis_heals,
    ),
    Rule(
        name="job-ends",
        says="Every job has a deadline, a number of tries and a time to be cleared away; schedules never overlap",
        remedy="give it backoffLimit, activeDeadlineSeconds, ttlSecondsAfterFinished, concurrencyPolicy Forbid",
        look=jobs_end,
    ),
    Rule(
        name="secret-fetched",
        says="Every ExternalSecret names a store of the set and is refreshed",
        remedy="render the store, and a refreshInterval",
        look=secrets_fetched,
    ),
)
