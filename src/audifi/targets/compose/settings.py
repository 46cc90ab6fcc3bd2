"""Bind what each process is told to one host: addresses are names of containers, the rest is as in the cluster.

Between: topology.environments (what is told), targets.kubernetes.configuration (which of it is secret, and how values
without an address are written), targets.compose.
Invariant: nothing that comes from a secret is among the plain settings.
Errors: ValueError for a value that only a secret can give (a bug: `plain` leaves those out).
"""

from typing import Final

from audifi.targets.kubernetes import configuration
from audifi.topology.environments import process_environment
from audifi.topology.model.compute import Component
from audifi.topology.model.whole import Topology
from audifi.topology.references import Endpoint, Endpoints, Joined, PeerUrls, PodName, RunningReplicas, Url, Value
from audifi.wire import environment

SETTINGS_DIRECTORY: Final = configuration.SETTINGS_DIRECTORY
SHARED_DIRECTORY: Final = configuration.SHARED_DIRECTORY


def plain(topology: Topology, component: Component) -> dict[str, str]:
    """What a container is told that no secret is part of; empty ones are left out, as unset."""
    told = process_environment(topology, component.name)
    found = {
        name: _text(value, topology, component) for name, value in told.items() if not configuration.from_secrets(value)
    }
    if secret(topology, component):
        found[environment.SETTINGS_DIRECTORY] = SETTINGS_DIRECTORY
    # A dollar sign would be read as a variable of compose.
    return {name: value.replace("$", "$$") for name, value in sorted(found.items()) if value}


def secret(topology: Topology, component: Component) -> tuple[str, ...]:
    """The variables that are files in SETTINGS_DIRECTORY."""
    return tuple(configuration.secret_settings(topology, component))


def shared(topology: Topology, component: Component) -> tuple[str, ...]:
    """The volumes that a container sees."""
    return configuration.shared_directories(topology, component)


def _text(value: Value, topology: Topology, component: Component) -> str:  # noqa: PLR0911  # one per kind of address
    match value:
        case Endpoint():
            return _address(topology, value.component, value.port)
        case Endpoints():
            target = topology.component(value.component)
            return ",".join(f"{pod}:{target.port(value.port).number}" for pod in target.pods)
        case Url():
            return f"{value.scheme}://{_address(topology, value.component, value.port)}{value.path}"
        case PeerUrls():
            return f"{value.component}=http://{_address(topology, value.component, value.port)}"
        case Joined():
            return value.separator.join(_text(part, topology, component) for part in value.values)
        case PodName():
            return component.pods[0]
        case RunningReplicas():
            return "1"
        case _:
            return configuration.text(value, topology, component)


def _address(topology: Topology, name: str, port: str) -> str:
    target = topology.component(name)
    return f"{target.external_name or target.name}:{target.port(port).number}"
