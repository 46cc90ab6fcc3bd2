"""Render PostgreSQL by CloudNativePG: the cluster, its users, two poolers, its backups.

    ImageCatalog            which image is which major version
    Cluster postgres        three instances in three zones; a commit waits for any one replica
    DatabaseRole × 21       a role per service that owns its schema and cannot sign in, and two users who take turns
    Pooler × 2              PgBouncer to the primary's Service and to the replicas' one
    ObjectStore             base backups and the WAL archive, encrypted, in another region
    ScheduledBackup × 2     daily, and hourly so that a restore replays an hour of WAL at most

Between: topology.stores (numbers), targets.kubernetes.secrets (users' passwords), kustomize (files).
Why two poolers for one component: CloudNativePG's pooler knows one Service. Both carry the component's labels, so
links and policies mean both.
Why the hourly backup is a full one: Barman knows no incremental ones in an object store; the archive is the increment.
Units: WAL and storage GiB; schedules have six fields, seconds first.
Invariant: the superuser cannot sign in over the network; `data` durability is `required`: without any replica,
commits wait (topology.stores.synchronous_any).
Errors: KeyError when the topology has no such component or backup.
Source: https://cloudnative-pg.io/documentation/1.30/; https://cloudnative-pg.io/plugin-barman-cloud/docs/
"""

from collections.abc import Iterator

from audifi.targets.kubernetes.documents import ZONE, Json, document, identity, labels, metadata
from audifi.topology import operators
from audifi.topology.model.compute import Component
from audifi.topology.model.data import Backup
from audifi.topology.model.whole import Topology
from audifi.topology.secrets import WITH_DATABASE, database_logins, database_role, database_secret

API = "postgresql.cnpg.io/v1"
BARMAN = "barman-cloud.cloudnative-pg.io"
MAINTENANCE_S = 3600  # a switchover may wait so long for the old primary's WAL, a planned one only
# A request that waits longer than its deadline holds a connection for nobody; migrations raise theirs. The same as on
# one machine (local.components.database_roles). Source: topology.links (2 s to the store, 10 s per service)
ROLE_SETTINGS = {
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
}


def documents(topology: Topology) -> tuple[Json, ...]:
    """Everything of PostgreSQL, in the order in which it is needed."""
    return (
        _object_store(topology),
        _image(topology),
        _cluster(topology),
        *_roles(topology),
        *(_pooler(topology, kind) for kind in ("rw", "ro")),
        *_backups(topology),
    )


def backup(topology: Topology, name: str) -> Backup:
    """The backup of that name."""
    return next(each for each in topology.backups if each.name == name)


def bucket(topology: Topology) -> str:
    """Where this environment's backups lie."""
    return f"gs://{operators.project(topology.environment)}-backups"


def service_account(topology: Topology, name: str) -> str:
    """Who a pod is to the object store: an account of the provider's, by workload identity; no key lies here."""
    return f"{name}@{operators.project(topology.environment)}.iam.gserviceaccount.com"


def _component(topology: Topology) -> Component:
    return topology.component(topology.stores.postgres.component)


def _object_store(topology: Topology) -> Json:
    kept = backup(topology, "postgres")
    spec = {
        "retentionPolicy": f"{kept.retention_days}d",
        "configuration": {
            "destinationPath": f"{bucket(topology)}/postgres",
            "googleCredentials": {"gkeEnvironment": True},
            "wal": {"compression": "zstd", "maxParallel": 4},
            "data": {"compression": "snappy", "jobs": 2},
        },
        "instanceSidecarConfiguration": {
            "resources": {
                "requests": {"cpu": "100m", "memory": "128Mi"},
                "limits": {"memory": "512Mi"},
            }
        },
    }
    return document("barmancloud.cnpg.io/v1", "ObjectStore", metadata(topology, _component(topology)), spec=spec)


def _image(topology: Topology) -> Json:
    """The version beside the image: a digest does not tell the operator which major version it is."""
    component = _component(topology)
    image = component.image.reference if component.image else ""
    spec = {"images": [{"major": topology.stores.postgres.version_min, "image": image}]}
    return document(API, "ImageCatalog", metadata(topology, component), spec=spec)


def _cluster(topology: Topology) -> Json:
    declared, component = topology.stores.postgres, _component(topology)
    assert component.resources is not None, "postgres has resources"
    size = component.resources
    spec: Json = {
        "description": component.purpose,
        "instances": component.replicas,
        "imageCatalogRef": {
            "apiGroup": "postgresql.cnpg.io",
            "kind": "ImageCatalog",
            "name": component.name,
            "major": declared.version_min,
        },
        "imagePullPolicy": "IfNotPresent",
        "inheritedMetadata": {"labels": {**identity(component), ZONE: component.zone.value}},
        "postgresql": _settings(topology),
        "bootstrap": {
            "initdb": {
                "database": declared.database,
                "owner": "audifi",
                "encoding": "UTF8",
                "dataChecksums": True,
                "postInitApplicationSQL": list(_schemas(topology)),
            }
        },
        "storage": {"size": f"{size.storage_gib}Gi"},
        "walStorage": {"size": f"{max(10, size.storage_gib // 5)}Gi"},
        "resources": {
            "requests": {"cpu": f"{size.cpu_request_m}m", "memory": f"{size.memory_request_mib}Mi"},
            "limits": {"memory": f"{size.memory_limit_mib}Mi"},
        },
        "affinity": {"enablePodAntiAffinity": True, "podAntiAffinityType": "required"},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"cnpg.io/cluster": component.name}},
            }
        ],
        "priorityClassName": topology.cluster.priority(component.kind).name,
        "enableSuperuserAccess": False,
        "enablePDB": True,
        "primaryUpdateStrategy": "unsupervised",
        "primaryUpdateMethod": "switchover",
        "switchoverDelay": MAINTENANCE_S,
        "smartShutdownTimeout": component.availability.drain_s if component.availability else 10,
        "failoverDelay": 0,
        "seccompProfile": {"type": "RuntimeDefault"},
        "probes": {"readiness": {"type": "streaming", "maximumLag": "64Mi", "periodSeconds": 5}},
        "plugins": [
            {"name": BARMAN, "isWALArchiver": True, "parameters": {"barmanObjectName": component.name}},
        ],
        "serviceAccountTemplate": {
            "metadata": {
                "annotations": {"iam.gke.io/gcp-service-account": service_account(topology, component.name)},
            }
        },
    }
    return document(API, "Cluster", metadata(topology, component), spec=spec)


def _settings(topology: Topology) -> Json:
    """Only what is not the operator's: it sets replication, archiving, TLS and logging itself."""
    declared = topology.stores.postgres
    parameters = {
        "max_connections": str(declared.connections_max),
        "archive_timeout": f"{declared.wal_segment_timeout_s}s",
        "shared_buffers": "1GB",
        "effective_cache_size": "3GB",
        "max_wal_size": "4GB",
        "wal_compression": "on",
        "password_encryption": "scram-sha-256",
        "log_min_duration_statement": "1s",
        "pg_stat_statements.track": "top",
    }
    return {
        "parameters": dict(sorted(parameters.items())),
        "synchronous": {
            "method": "any",
            "number": declared.synchronous_any,
            "dataDurability": "required",
            "failoverQuorum": True,
        },
        # Who is not on TLS is refused; the poolers bring the operator's certificate, users a password.
        "pg_hba": ["hostssl all all all scram-sha-256", "host all all all reject"],
    }


def _schemas(topology: Topology) -> Iterator[str]:
    """A schema per service, owned by its role; nobody else may look inside."""
    database = topology.stores.postgres.database
    yield f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC'
    yield "REVOKE ALL ON SCHEMA public FROM PUBLIC"
    for component in WITH_DATABASE:
        role = database_role(component)
        yield f'CREATE ROLE "{role}" NOLOGIN'
        yield f'GRANT CONNECT ON DATABASE "{database}" TO "{role}"'
        yield f'CREATE SCHEMA "{role}" AUTHORIZATION "{role}"'
        for user in database_logins(component):
            yield f'CREATE ROLE "{user}" LOGIN IN ROLE "{role}"'
            for setting, value in {**ROLE_SETTINGS, "search_path": role, "role": role}.items():
                yield f"ALTER ROLE \"{user}\" SET {setting} = '{value}'"


def _roles(topology: Topology) -> Iterator[Json]:
    """The same roles, kept by the operator from then on: it sets a user's password when its Secret changes."""
    cluster = {"name": _component(topology).name}
    for component in WITH_DATABASE:
        role = database_role(component)
        owner = {"cluster": cluster, "name": role, "login": False, "comment": f"owns the schema of {component}"}
        yield _role(topology, role, owner)
        for user, secret in user_secrets(component):
            may = {"login": True, "inherit": True, "inRoles": [role], "passwordSecret": {"name": secret}}
            # A certificate would be a second way in that no rotation of ours ends.
            yield _role(
                topology, user, {"cluster": cluster, "name": user, **may, "clientCertificate": {"enabled": False}}
            )


def user_secrets(component: str) -> tuple[tuple[str, str], ...]:
    """Each user of a service's role with the Secret that holds its name and password."""
    secret = database_secret(component)
    return tuple((user, f"{secret}-{user[-1]}") for user in database_logins(component))


def _role(topology: Topology, name: str, spec: Json) -> Json:
    head = metadata(topology, _component(topology), f"postgres-{name.replace('_', '-')}")
    return document(API, "DatabaseRole", head, spec={**spec, "databaseRoleReclaimPolicy": "retain"})


def pooler_names(topology: Topology) -> dict[str, str]:
    """Where writers and readers ask: PgBouncer's database, as the topology names it → the pooler's Service."""
    declared = topology.stores.pooler
    return {
        declared.writer_database: operators.WRITER_POOLER,
        declared.reader_database: operators.READER_POOLER,
    }


def _pooler(topology: Topology, kind: str) -> Json:
    declared, component = topology.stores.pooler, topology.component(topology.stores.pooler.component)
    assert component.resources is not None, "pgbouncer has resources"
    name = operators.WRITER_POOLER if kind == "rw" else operators.READER_POOLER
    parameters = {
        "default_pool_size": str(declared.pool_size),
        "max_client_conn": str(declared.client_connections_max),
        "max_prepared_statements": str(declared.prepared_statements_max),
        "server_connect_timeout": str(declared.connect_timeout_s),
        "server_idle_timeout": str(declared.idle_timeout_s),
        "ignore_startup_parameters": "extra_float_digits",
    }
    spec: Json = {
        "cluster": {"name": _component(topology).name},
        "type": kind,
        "instances": component.replicas,
        "pgbouncer": {
            "poolMode": declared.mode,
            "image": component.image.reference if component.image else "",
            "parameters": dict(sorted(parameters.items())),
        },
        "deploymentStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "serviceTemplate": {
            "metadata": {"labels": labels(component)},
            "spec": {
                "ports": [{"name": "pgbouncer", "port": component.port("pgbouncer").number, **_target("pgbouncer")}]
            },
        },
        "template": _pods(topology, component, name),
    }
    return document(API, "Pooler", metadata(topology, component, name), spec=spec)


def _target(port: str) -> Json:
    return {"protocol": "TCP", "targetPort": port}


def _pods(topology: Topology, component: Component, name: str) -> Json:
    """What the operator leaves to us of a pooler's pods."""
    size = component.resources
    assert size is not None, "pgbouncer has resources"
    container: Json = {
        "name": "pgbouncer",
        "imagePullPolicy": "IfNotPresent",
        "resources": {
            "requests": {"cpu": f"{size.cpu_request_m}m", "memory": f"{size.memory_request_mib}Mi"},
            "limits": {"memory": f"{size.memory_limit_mib}Mi"},
        },
    }
    spread = [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"cnpg.io/poolerName": name}},
        }
        for key in (component.availability.spread if component.availability else ())
    ]
    return {
        "metadata": {"labels": {**identity(component), ZONE: component.zone.value}},
        "spec": {
            "containers": [container],
            "priorityClassName": topology.cluster.priority(component.kind).name,
            "terminationGracePeriodSeconds": component.availability.grace_s if component.availability else 45,
            "topologySpreadConstraints": spread,
        },
    }


def _backups(topology: Topology) -> Iterator[Json]:
    kept = backup(topology, "postgres")
    for name, schedule in (("daily", kept.full_schedule), ("hourly", kept.incremental_schedule)):
        spec = {
            "cluster": {"name": _component(topology).name},
            "schedule": schedule,
            "method": "plugin",
            "pluginConfiguration": {"name": BARMAN},
            "backupOwnerReference": "self",
            "target": "prefer-standby",
            "immediate": name == "daily",  # a cluster without a backup has no archive to restore from
        }
        yield document(API, "ScheduledBackup", metadata(topology, _component(topology), f"postgres-{name}"), spec=spec)
