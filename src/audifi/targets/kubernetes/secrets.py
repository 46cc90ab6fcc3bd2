"""Render where secrets come from: the provider's store by External Secrets, or sealed in the repository.

    store (one entry per declared secret; a line is a value, the first is in use, every one is accepted)
      └─ Secret <component>-settings      a key per variable of the process, e.g. DATABASE_PASSWORD, mounted as files
      └─ Secret database-auth-a, -b       a user of a role, for CloudNativePG
      └─ Secret redis-cluster-auth        users.acl and auth.conf, as Redis reads them
      └─ Secret alertmanager-receivers    a file per receiver
      └─ Secret origin-certificate        what the gateways present to the CDN

Between: targets.kubernetes.configuration (which variables hold secrets), postgres, redis, values, gateway (mount them).
Shape: a `Wanted` Secret is templates over entries of the store; `documents` writes it as ExternalSecret, `sealed` as
SealedSecret with the same templates, so that both give the same files.
A login is `user:password` a line. Both users of a role stay in their entry: the one that is not in use keeps a password
nobody knows any more (docs/decisions/0048).
Units: none.
Invariant: no value of a secret is in any document; `sealed` holds SEAL where `kubeseal --raw` writes.
Errors: KeyError for a secret that the topology does not declare.
Source: https://external-secrets.io/latest/guides/templating/; https://github.com/bitnami-labs/sealed-secrets
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from audifi.targets.kubernetes import configuration
from audifi.targets.kubernetes.documents import Json, document, labels, namespace
from audifi.targets.kubernetes.postgres import pooler_names, service_account, user_secrets
from audifi.topology import operators
from audifi.topology.model.compute import Component
from audifi.topology.model.data import SecretForm
from audifi.topology.model.whole import Topology
from audifi.topology.references import DatabaseUrl, Joined, PublicKeys, Secret, Value
from audifi.topology.secrets import WITH_DATABASE, database_secret

STORE = "audifi"
READER = "secret-reader"  # the account by which the store is read
REFRESH = "15m"  # how long a replaced secret may stay unnoticed
SEAL = "AgAA-to-be-sealed"
ORIGIN = "origin-certificate"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A Secret: keys and the template of each, over entries of the store."""

    name: str
    component: Component
    entries: tuple[str, ...]
    keys: dict[str, str]
    type: str = "Opaque"
    more_labels: dict[str, str] = field(default_factory=dict[str, str])


def documents(topology: Topology) -> tuple[Json, ...]:
    """The store of each namespace, and an ExternalSecret per Secret."""
    return (
        *(each for space in topology.cluster.namespaces for each in _store(topology, space.name)),
        *(external(topology, each) for each in wanted(topology)),
    )


def sealed(topology: Topology) -> tuple[Json, ...]:
    """The same Secrets for a cluster without such a store: a person seals each entry for this cluster."""
    return tuple(_sealed(topology, each) for each in wanted(topology))


def wanted(topology: Topology) -> tuple[Wanted, ...]:
    """Every Secret that something in the cluster mounts."""
    return (
        *_settings(topology),
        *_users(topology),
        *(_redis(topology, name) for name in ("redis-cluster", "redis-queue")),
        *(_receivers(topology, name) for name in ("alertmanager", "grafana")),
        _origin(topology),
    )


def _settings(topology: Topology) -> Iterator[Wanted]:
    for component in topology.components:
        told = configuration.secret_settings(topology, component)
        if told:
            yield Wanted(
                name=configuration.secret_name(component),
                component=component,
                entries=tuple(dict.fromkeys(name for value in told.values() for name in _named(topology, value))),
                keys={name: _template(topology, value) for name, value in told.items()},
            )


def _named(topology: Topology, value: Value) -> tuple[str, ...]:
    """The entries that a value is made of."""
    match value:
        case Secret():
            return (topology.secret(value.name).name,)
        case DatabaseUrl():
            return (topology.secret(f"database-{value.role}").name,)
        case PublicKeys():
            return tuple(topology.secret(name).name for name in value.secrets)
        case Joined():
            return tuple(name for part in value.values for name in _named(topology, part))
        case _:
            return ()


def _template(topology: Topology, value: Value) -> str:
    match value:
        case str():
            return value
        case Secret():
            return _secret(topology, value)
        case DatabaseUrl():
            user = '{{ (splitn ":" 2 ' + first(f"database-{value.role}") + ")._0 }}"
            return f"postgresql://{user}@{_pooler(topology, value)}"
        case PublicKeys():
            return _public_keys(value)
        case Joined():
            return value.separator.join(_template(topology, part) for part in value.values)
        case _:
            raise ValueError(f"{type(value).__name__} is no part of a secret")


def _secret(topology: Topology, value: Secret) -> str:
    if value.all_accepted:
        return '{{ join "," ' + _lines(value.name) + " }}"
    if topology.secret(value.name).form is SecretForm.LOGIN:
        return '{{ (splitn ":" 2 ' + first(value.name) + ")._1 }}"
    return "{{ " + first(value.name) + " }}"


def _pooler(topology: Topology, value: DatabaseUrl) -> str:
    """Where and what: a pooler passes the database's name on, so here it is PostgreSQL's own."""
    pooler = topology.component(value.component)
    service = pooler_names(topology)[value.database]
    where = f"{service}.{namespace(topology, pooler)}.svc.{topology.cluster.dns_domain}"
    return f"{where}:{pooler.port(value.port).number}/{topology.stores.postgres.database}"


def _public_keys(value: PublicKeys) -> str:
    """A JWKS of every accepted key without its private part."""
    if not value.secrets:
        return '{"keys": []}'
    lines = " ".join(_lines(name) for name in value.secrets)
    key = '{{ omit (fromJson $key) "d" | toJson }}'
    return '{"keys": [{{ range $i, $key := concat ' + lines + " }}{{ if $i }}, {{ end }}" + key + "{{ end }}]}"


def _variable(name: str) -> str:
    return name.replace("-", "_")


def _lines(name: str) -> str:
    return f'(splitList "\\n" (trim .{_variable(name)}))'


def first(name: str) -> str:
    """The value of an entry that is in use, as a template says it (between braces)."""
    return f"(first {_lines(name)})"


def _users(topology: Topology) -> Iterator[Wanted]:
    """The users of every role, as CloudNativePG wants them: it reloads a Secret with this label when it changes."""
    for component in WITH_DATABASE:
        entry = database_secret(component)
        for user, name in user_secrets(component):
            mine = f'{{{{ range {_lines(entry)} }}}}{{{{ if hasPrefix "{user}:" . }}}}'
            yield Wanted(
                name=name,
                component=topology.component("postgres"),
                entries=(entry,),
                keys={
                    "username": user,
                    "password": mine + f'{{{{ trimPrefix "{user}:" . }}}}{{{{ end }}}}{{{{ end }}}}',
                },
                type="kubernetes.io/basic-auth",
                more_labels={"cnpg.io/reload": "true"},
            )


def _redis(topology: Topology, name: str) -> Wanted:
    """Every accepted password opens; replicas and probes use the first."""
    entry = f"{name}-password"
    opens = f"{{{{ range {_lines(entry)} }}}} >{{{{ . }}}}{{{{ end }}}}"
    in_use = "{{ " + first(entry) + " }}"
    return Wanted(
        name=f"{name}-auth",
        component=topology.component(name),
        entries=(entry,),
        keys={
            "users.acl": f"user default on{opens} ~* &* +@all\n",
            "auth.conf": f"masterauth {in_use}\n",
            "password": in_use,
        },
    )


def _receivers(topology: Topology, name: str) -> Wanted:
    entries = tuple(each.name for each in topology.secrets if name in each.used_by)
    keys = {entry: "{{ " + first(entry) + " }}" for entry in entries}
    return Wanted(name=f"{name}-receivers", component=topology.component(name), entries=entries, keys=keys)


def _origin(topology: Topology) -> Wanted:
    """The CDN's certificate for us: its entry is the certificate, `-key` its key, both PEM."""
    key = f"{ORIGIN}-key"
    return Wanted(
        name=ORIGIN,
        component=topology.component("api-gateway"),
        entries=(ORIGIN, key),
        keys={"tls.crt": f"{{{{ .{_variable(ORIGIN)} }}}}", "tls.key": f"{{{{ .{_variable(key)} }}}}"},
        type="kubernetes.io/tls",
    )


def _store(topology: Topology, where: str) -> tuple[Json, Json]:
    ours = {"app.kubernetes.io/part-of": "audifi", "app.kubernetes.io/managed-by": "audifi"}
    account = document(
        "v1",
        "ServiceAccount",
        {
            "name": READER,
            "namespace": where,
            "labels": ours,
            "annotations": {"iam.gke.io/gcp-service-account": service_account(topology, READER)},
        },
        automountServiceAccountToken=False,
    )
    provider = {
        "projectID": operators.project(topology.environment),
        "auth": {"workloadIdentity": {"serviceAccountRef": {"name": READER}}},
    }
    head = {"name": STORE, "namespace": where, "labels": ours}
    spec = {"provider": {"gcpsm": provider}}
    return account, document("external-secrets.io/v1", "SecretStore", head, spec=spec)


def _head(topology: Topology, each: Wanted) -> Json:
    return {"name": each.name, "namespace": namespace(topology, each.component), "labels": labels(each.component)}


def _made(each: Wanted) -> Json:
    return {"labels": {**labels(each.component), **each.more_labels}}


def external(topology: Topology, each: Wanted) -> Json:
    """The Secret from the store."""
    spec = {
        "refreshInterval": REFRESH,
        "secretStoreRef": {"kind": "SecretStore", "name": STORE},
        "target": {
            "name": each.name,
            "creationPolicy": "Owner",
            "deletionPolicy": "Retain",
            "template": {"engineVersion": "v2", "type": each.type, "metadata": _made(each), "data": each.keys},
        },
        "data": [{"secretKey": _variable(name), "remoteRef": {"key": name}} for name in each.entries],
    }
    return document("external-secrets.io/v1", "ExternalSecret", _head(topology, each), spec=spec)


def _sealed(topology: Topology, each: Wanted) -> Json:
    head = _head(topology, each)
    spec = {
        "encryptedData": {_variable(name): SEAL for name in each.entries},
        "template": {"type": each.type, "metadata": _made(each), "data": each.keys},
    }
    return document("bitnami.com/v1alpha1", "SealedSecret", head, spec=spec)
