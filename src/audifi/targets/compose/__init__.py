"""Render compose.yaml: the images of a release on one host, beside stores that are already there.

    compose.yaml            one container per component of ours, and one that migrates its schema first
      ├─ network platform   they call each other
      ├─ network stores     external: PgBouncer, Redis and the queue answer there under the topology's names
      └─ secrets            a file per setting: $AUDIFI_SECRETS/<component>/<VARIABLE>, what a cluster mounts

Between: topology (components, resources, probes, links by way of their settings) and `docker compose`.
Shape: for trying a release's images and for a host without Kubernetes. One container per component: a second one on
the same host survives nothing that the first does not. It brings neither stores nor gateways; `audifi up` runs those.
Invariant: environment, limits, probes, user and grace are the topology's values, as in Kubernetes; no secret in it.
Errors: KeyError for what the topology does not declare.
Source: https://github.com/compose-spec/compose-spec/blob/main/spec.md
"""

from typing import Any, Final

from audifi.targets.compose import settings
from audifi.targets.files import File, yaml_file
from audifi.topology.building import BUILDING, built, module
from audifi.topology.model.compute import Component, Probe
from audifi.topology.model.whole import Topology
from audifi.topology.secrets import WITH_DATABASE
from audifi.wire import environment

PLATFORM: Final = "platform"
STORES: Final = "stores"
TAG: Final = "${VERSION:?the release, as its images are tagged}"
SECRETS: Final = "${AUDIFI_SECRETS:?the folder with a folder of secrets per component}"
STORES_NETWORK: Final = "${AUDIFI_STORES:-audifi-stores}"
ASK: Final = "import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=float(sys.argv[2]))"
MIGRATES: Final = (environment.DATABASE_WRITER_URL, environment.DATABASE_PASSWORD)  # all that a migrator reads


def render(topology: Topology) -> tuple[File, ...]:
    """compose.yaml."""
    components = built(topology)
    sources = ("Building", *(f"component {component.name}" for component in components))
    return (yaml_file("compose.yaml", (_document(topology, components),), sources),)


def _document(topology: Topology, components: tuple[Component, ...]) -> dict[str, Any]:
    services: dict[str, Any] = {}
    for component in components:
        services[component.name] = _service(topology, component)
        if component.name in WITH_DATABASE:
            services[_migration(component)] = _migrator(topology, component)
    return {
        "name": f"audifi-{topology.environment}",
        "services": services,
        "networks": {PLATFORM: {}, STORES: {"external": True, "name": STORES_NETWORK}},
        "secrets": {
            f"{component.name}-{name}": {"file": f"{SECRETS}/{component.name}/{name}"}
            for component in components
            for name in settings.secret(topology, component)
        },
        "volumes": {name: {} for component in components for name in settings.shared(topology, component)},
    }


def _service(topology: Topology, component: Component) -> dict[str, Any]:
    assert component.probes is not None and component.availability is not None, f"{component.name} is not a pod of ours"  # noqa: PT018
    http = component.port("http").number
    written = {
        **_confined(topology, component),
        "command": [module(component)],
        "hostname": component.pods[0],
        "environment": settings.plain(topology, component),
        "secrets": _mounted(component, settings.secret(topology, component)),
        "volumes": [f"{name}:{settings.SHARED_DIRECTORY}/{name}" for name in settings.shared(topology, component)],
        "ports": [f"127.0.0.1:{http}:{http}"],
        "healthcheck": _healthcheck(component, component.probes.liveness),
        "restart": "unless-stopped",
        "stop_grace_period": f"{component.availability.grace_s}s",
    }
    if component.name in WITH_DATABASE:
        written["depends_on"] = {_migration(component): {"condition": "service_completed_successfully"}}
    return {key: value for key, value in written.items() if value}


def _migrator(topology: Topology, component: Component) -> dict[str, Any]:
    return {
        **_confined(topology, component),
        "command": [BUILDING.migrate_module, component.short_name],
        "environment": {environment.SETTINGS_DIRECTORY: settings.SETTINGS_DIRECTORY},
        "secrets": _mounted(component, MIGRATES),
        "restart": "no",
    }


def _migration(component: Component) -> str:
    return f"{component.name}-migrate"


def _confined(topology: Topology, component: Component) -> dict[str, Any]:
    """The image, and what it may do: what Kubernetes' `restricted` profile asks for."""
    assert component.image is not None and component.resources is not None, f"{component.name} is not ours to run"  # noqa: PT018
    resources, user = component.resources, topology.guard.run_as_user
    written = {
        "image": f"{component.image.repository}:{TAG}",
        "user": f"{user}:{user}",
        "read_only": topology.guard.read_only_root,
        "tmpfs": ["/tmp"],  # noqa: S108  # memory of its own, gone with it
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "mem_limit": f"{resources.memory_limit_mib}m",
        "mem_reservation": f"{resources.memory_request_mib}m",
        "cpus": resources.cpu_limit_m / 1000 if resources.cpu_limit_m else None,
        "networks": [PLATFORM, STORES],
    }
    return {key: value for key, value in written.items() if value}


def _mounted(component: Component, names: "tuple[str, ...]") -> list[dict[str, str]]:
    return [{"source": f"{component.name}-{name}", "target": f"{settings.SETTINGS_DIRECTORY}/{name}"} for name in names]


def _healthcheck(component: Component, probe: Probe) -> dict[str, Any]:
    """The image has no curl: its Python asks."""
    url = f"http://127.0.0.1:{component.port(probe.port).number}{probe.path}"
    return {
        "test": ["CMD", "python", "-c", ASK, url, str(probe.timeout_s)],
        "interval": f"{probe.period_s}s",
        "timeout": f"{probe.timeout_s + 1}s",  # its interpreter starts first
        "retries": probe.failures,
        "start_period": f"{probe.initial_delay_s}s",
    }
