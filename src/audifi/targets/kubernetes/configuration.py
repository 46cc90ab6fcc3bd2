"""Bind what each process is told to the cluster: names of Services, files of secrets, and a ConfigMap for the rest.

    topology.environments.process_environment          the same names and references that one machine binds
      ├─ who the pod is        AUDIFI_POD              from the pod's own name (workloads.py)
      ├─ what secrets hold     DATABASE_PASSWORD, …    keys of the Secret `<component>-settings`, a file each
      └─ all else              PEERS, LOG_LEVEL, …     the ConfigMap `<component>-settings-<hash>`

Between: topology.environments, workloads and migrations (mount both), secrets (fills the Secret from the store).
Shape: the ConfigMap's name ends with the hash of what it says and it cannot be changed: pods that start tomorrow read
what the pods of their revision read, and a change of a value is a rollout.
Invariant: no value that comes from a secret is in a ConfigMap: not the login in a database URL either, which changes
with its password, nor the public keys of callers, which change with their private ones.
Errors: KeyError for a component, port or domain that the topology does not declare (a bug: the audit finds it).
Source: https://kubernetes.io/docs/concepts/configuration/configmap/ ("Immutable ConfigMaps")
"""

import hashlib
import json
from importlib.metadata import version
from typing import Final, assert_never

from audifi.targets.kubernetes.documents import Json, document, host, metadata, pod_host
from audifi.topology.environments import process_environment
from audifi.topology.model.compute import Component
from audifi.topology.model.whole import Topology
from audifi.topology.references import (
    DatabaseUrl,
    DetectedPgBouncer,
    Endpoint,
    Endpoints,
    Joined,
    ListenAddress,
    OwnPort,
    PeerUrls,
    PodName,
    PublicKeys,
    PublicUrl,
    ReleaseVersion,
    RunningReplicas,
    Secret,
    SharedDirectory,
    Url,
    Value,
)
from audifi.wire import environment

SETTINGS_DIRECTORY: Final = "/run/secrets/audifi"
SHARED_DIRECTORY: Final = "/var/lib/audifi"
_HASH_CHARACTERS: Final = 10


def configuration(topology: Topology, component: Component) -> Json:
    """The ConfigMap of a component."""
    data = settings(topology, component)
    name = f"{component.name}-settings-{_hash(data)}"
    return document("v1", "ConfigMap", metadata(topology, component, name), immutable=True, data=data)


def settings(topology: Topology, component: Component) -> dict[str, str]:
    """What a component's pods are told that no secret is part of, by variable; empty ones are left out, as unset."""
    told = process_environment(topology, component.name)
    plain = {
        name: text(value, topology, component)
        for name, value in told.items()
        if not from_secrets(value) and not isinstance(value, PodName)
    }
    if secret_settings(topology, component):
        plain[environment.SETTINGS_DIRECTORY] = SETTINGS_DIRECTORY
    return {name: value for name, value in sorted(plain.items()) if value}


def secret_settings(topology: Topology, component: Component) -> dict[str, Value]:
    """What a component's pods are told that secrets are part of: the keys of its Secret, and what they are made of."""
    told = process_environment(topology, component.name)
    return {name: value for name, value in sorted(told.items()) if from_secrets(value)}


def secret_name(component: Component) -> str:
    """The Secret with a component's secret settings."""
    return f"{component.name}-settings"


def shared_directories(topology: Topology, component: Component) -> tuple[str, ...]:
    """The volumes that a component's pods see."""
    told = process_environment(topology, component.name).values()
    return tuple(value.name for value in told if isinstance(value, SharedDirectory))


def from_secrets(value: Value) -> bool:
    """Whether a value changes when a secret does."""
    if isinstance(value, Joined):
        return any(from_secrets(part) for part in value.values)
    return isinstance(value, Secret | DatabaseUrl | PublicKeys)


def text(value: Value, topology: Topology, component: Component) -> str:  # noqa: C901, PLR0911, PLR0912
    """One value as text. One line per reference: the length is the number of references."""
    match value:
        case str():
            return value
        case Endpoint():
            return address(topology, value.component, value.port)
        case Endpoints():
            return _every_pod(topology, value)
        case Url():
            return f"{value.scheme}://{address(topology, value.component, value.port)}{value.path}"
        case PeerUrls():
            return f"{value.component}=http://{address(topology, value.component, value.port)}"
        case PublicUrl():
            return f"{value.scheme}://{topology.domain(value.domain).host}{value.path}"
        case OwnPort():
            return str(component.port(value.port).number)
        case ListenAddress():
            return "0.0.0.0"  # noqa: S104  # a pod has a network of its own, and policies guard it
        case RunningReplicas():
            return str(component.replicas)
        case ReleaseVersion():
            return version("audifi")
        case SharedDirectory():
            return f"{SHARED_DIRECTORY}/{value.name}"
        case Joined():
            return value.separator.join(text(part, topology, component) for part in value.values)
        case Secret() | DatabaseUrl() | PublicKeys() | PodName() | DetectedPgBouncer():
            raise ValueError(f"{component.name}: {type(value).__name__} is not known when manifests are rendered")
    assert_never(value)


def address(topology: Topology, name: str, port: str) -> str:
    """host:port of a component's Service."""
    component = topology.component(name)
    return f"{host(topology, component)}:{component.port(port).number}"


def _every_pod(topology: Topology, value: Endpoints) -> str:
    component = topology.component(value.component)
    number = component.port(value.port).number
    return ",".join(f"{pod_host(topology, component, pod)}:{number}" for pod in component.pods)


def _hash(data: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:_HASH_CHARACTERS]
