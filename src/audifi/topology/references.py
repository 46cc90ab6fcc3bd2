"""Name the values that differ by place and are bound late: addresses, secrets, pods, versions.

Between: topology.environments (says which variable holds which reference) and whoever starts a process:
local binds `Endpoint("pgbouncer", "pgbouncer")` to 127.0.0.1:<allocated>, targets.kubernetes to a Service's DNS
name and a secretKeyRef. The same declaration therefore serves every place.
Shape: a `Value` is plain text or one reference; `Joined` is the only one that contains others.
Invariant: a reference names components, ports, domains and secrets that the topology declares (audit checks it).
Errors: none; `describe` never fails.
"""

from dataclasses import dataclass
from typing import assert_never


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """host:port that reaches any ready pod of a component."""

    component: str
    port: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoints:
    """host:port,host:port,… of every pod of a component, for clients that must know them all (Redis Cluster)."""

    component: str
    port: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Url:
    """scheme://host:port/path of a component inside the platform."""

    scheme: str
    component: str
    port: str
    path: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PeerUrls:
    """component=http://host:port for every address a caller should try: each pod here, one Service in the cluster."""

    component: str
    port: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseUrl:
    """postgresql://login@host:port/database, the password apart (it would show in errors and process lists).

    A role has two logins that take turns: which one is in use, its secret says (LOGIN).
    """

    role: str
    component: str
    port: str
    database: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicUrl:
    """https://host[:port]/path of one of our domains as a browser sees it; the port only where it is not 443."""

    domain: str  # Domain.name: "api", "app", …
    path: str = ""
    scheme: str = "https"  # or wss


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnPort:
    """The number this pod listens on for one of its component's ports."""

    port: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ListenAddress:
    """The address a pod binds: 127.0.0.1 on one machine, 0.0.0.0 in its own network namespace."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PodName:
    """<component>-<n>: unique per replica, n from 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningReplicas:
    """How many pods of this component this place starts: each pod's share of a fallback rate limit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseVersion:
    """The version of the code that is being started."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """The content of a declared secret; never text in a manifest, an argument or a log."""

    name: str
    all_accepted: bool = False  # every value that is accepted now, the one in use first, comma-separated


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicKeys:
    """A JWKS with the public halves of these Ed25519 secrets, of every key that is accepted now."""

    secrets: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectedPgBouncer:
    """What the PgBouncer that runs here can do: "true" if it keeps prepared statements of the protocol (>= 1.21).

    Source: PgBouncer 1.21.0 release notes (max_prepared_statements); Debian 12 ships 1.18 (components.md 2).
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedDirectory:
    """A directory that every pod of the component sees: a volume in the cluster, a folder of the instance here."""

    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Joined:
    """Several values as one text."""

    values: "tuple[Value, ...]"
    separator: str = ","


type_of_reference = (
    Endpoint
    | Endpoints
    | Url
    | PeerUrls
    | DatabaseUrl
    | PublicUrl
    | OwnPort
    | ListenAddress
    | PodName
    | RunningReplicas
    | ReleaseVersion
    | Secret
    | PublicKeys
    | DetectedPgBouncer
    | SharedDirectory
    | Joined
)
Value = str | type_of_reference


def describe(value: Value) -> str:  # noqa: C901, PLR0911, PLR0912  # one line per reference
    """Write a value for a reader: what it will be, never what a secret holds."""
    match value:
        case str():
            return value
        case Endpoint(component=component, port=port):
            return f"<{component}:{port}>"
        case Endpoints(component=component, port=port):
            return f"<{component}-1…n:{port}>"
        case Url(scheme=scheme, component=component, port=port, path=path):
            return f"{scheme}://<{component}:{port}>{path}"
        case PeerUrls(component=component, port=port):
            return f"{component}=http://<{component}-1…n:{port}>"
        case DatabaseUrl(role=role, component=component, port=port, database=database):
            return f"postgresql://{role}@<{component}:{port}>/{database}"
        case PublicUrl(domain=domain, path=path, scheme=scheme):
            return f"{scheme}://<domain {domain}>{path}"
        case OwnPort(port=port):
            return f"<own port {port}>"
        case Secret(name=name):
            return f"<secret {name}>"
        case SharedDirectory(name=name):
            return f"<shared directory {name}>"
        case PublicKeys(secrets=secrets):
            return f"<public keys of {', '.join(secrets)}>"
        case Joined(values=values, separator=separator):
            return separator.join(describe(part) for part in values)
        case ListenAddress() | PodName() | RunningReplicas() | ReleaseVersion() | DetectedPgBouncer():
            return f"<{type(value).__name__}>"
    assert_never(value)


def holds_secret(value: Value) -> bool:
    """Whether its text must not be shown."""
    return isinstance(value, Secret) or (isinstance(value, Joined) and any(holds_secret(part) for part in value.values))
