"""Bind the topology's late-bound values to this machine: loopback addresses, allocated ports, generated secrets.

Between: topology.environments (computes references) and components.service, `audifi env`, `audifi url`.
Invariant: the only place where a reference becomes text locally; Kubernetes has its own.
Errors: KeyError for a component, port or secret that the topology does not declare (a bug: the audit finds it).
"""

from importlib.metadata import version
from typing import assert_never

from audifi.local.binaries import pgbouncer_keeps_prepared_statements
from audifi.local.logins import Login, read
from audifi.local.ports import LOOPBACK
from audifi.local.state import Instance
from audifi.topology.environments import process_environment
from audifi.topology.model.data import SecretForm
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
from audifi.topology.secrets import WITH_DATABASE, database_role, database_secret

HTTPS = 443  # a browser leaves it out. Source: RFC 9110 section 4.2.2


def port(instance: Instance, topology: Topology, pod: str, name: str) -> int:
    """The number of a pod's port here; public ports keep the internet's number where this machine allows it."""
    declared = topology.component(pod.rpartition("-")[0]).port(name)
    return instance.ports.of(pod, name, preferred=declared.number if declared.public else None)


def ports(instance: Instance, topology: Topology, pod: str, *names: str) -> dict[str, int]:
    """Several of them by name, as `PodSpec.ports` wants them."""
    return {name: port(instance, topology, pod, name) for name in names}


def environment(instance: Instance, topology: Topology, pod: str) -> dict[str, str]:
    """What this pod is told."""
    told = process_environment(topology, pod.rpartition("-")[0])
    return {name: resolved(value, instance, topology, pod) for name, value in told.items()}


def public_url(instance: Instance, topology: Topology, domain: str, path: str = "") -> str:
    """https://host[:port]/path as a browser on this machine opens it."""
    number = port(instance, topology, "edge-1", "https")
    suffix = "" if number == HTTPS else f":{number}"
    return f"https://{topology.domain(domain).host}{suffix}{path}"


def secret(instance: Instance, topology: Topology, name: str) -> str:
    """A declared secret's value in use, made in its declared form; of a login the password."""
    text = accepted(instance, topology, name)[0]
    return text.partition(":")[2] or text if topology.secret(name).form is SecretForm.LOGIN else text


def accepted(instance: Instance, topology: Topology, name: str) -> tuple[str, ...]:
    """Every value of a declared secret that is accepted now, the one in use first."""
    return instance.secrets.accepted(name, topology.secret(name).form)


def logins(instance: Instance, topology: Topology, component: str) -> tuple[Login, ...]:
    """The users who may act as the component's role in the database now, the one in use first."""
    texts = accepted(instance, topology, database_secret(component))
    return tuple(read(text, component) for text in texts)


def resolved(value: Value, instance: Instance, topology: Topology, pod: str) -> str:  # noqa: C901, PLR0911, PLR0912
    """One value as text. One line per reference: the length is the number of references."""
    component = pod.rpartition("-")[0]
    match value:
        case str():
            return value
        case Endpoint():
            return _address(instance, topology, f"{value.component}-1", value.port)
        case Endpoints():
            pods = topology.component(value.component).pods
            return ",".join(_address(instance, topology, each, value.port) for each in pods)
        case Url():
            return f"{value.scheme}://{_address(instance, topology, f'{value.component}-1', value.port)}{value.path}"
        case PeerUrls():
            pods = topology.component(value.component).pods
            return ",".join(
                f"{value.component}=http://{_address(instance, topology, each, value.port)}" for each in pods
            )
        case DatabaseUrl():
            address = _address(instance, topology, f"{value.component}-1", value.port)
            [owner] = [each for each in WITH_DATABASE if database_role(each) == value.role]
            user = logins(instance, topology, owner)[0].user
            return f"postgresql://{user}@{address}/{value.database}"
        case PublicUrl():
            address = public_url(instance, topology, value.domain, value.path)
            return address.replace("https", value.scheme, 1)
        case OwnPort():
            return str(port(instance, topology, pod, value.port))
        case ListenAddress():
            return LOOPBACK
        case PodName():
            return pod
        case RunningReplicas():
            return str(topology.component(component).replicas)
        case ReleaseVersion():
            return version("audifi")
        case Secret():
            values = accepted(instance, topology, value.name) if value.all_accepted else ()
            return ",".join(values) or secret(instance, topology, value.name)
        case SharedDirectory():
            return str(instance.data(value.name))
        case PublicKeys():
            return instance.secrets.public_keys(value.secrets)
        case DetectedPgBouncer():
            return "true" if pgbouncer_keeps_prepared_statements() else "false"
        case Joined():
            return value.separator.join(resolved(part, instance, topology, pod) for part in value.values)
    assert_never(value)


def _address(instance: Instance, topology: Topology, pod: str, name: str) -> str:
    return f"{LOOPBACK}:{port(instance, topology, pod, name)}"
