"""Run what asks for those that do not speak for themselves: every Redis, public names, ports, disks.

Between: Debian's exporters and components.prometheus, which asks them.
Invariant: listens on loopback only; passwords are in files of 0600 and never arguments.
Units: *_s seconds.
Errors: an exporter refuses a wrong file at its start; its log says where.
Source: redis_exporter 1.45 ("-redis.password-file": passwords by address, for /scrape); blackbox_exporter 0.23;
node_exporter 1.5.
"""

import json
from functools import partial
from pathlib import Path
from typing import Final

from audifi.local import certificates, probes, resolution
from audifi.local.binaries import binary
from audifi.local.components import JobSpec, PodSpec
from audifi.local.files import write_private, write_text
from audifi.local.ports import LOOPBACK
from audifi.local.state import Instance
from audifi.targets.prometheus import prober
from audifi.topology.model.whole import Topology

REDIS: Final = ("redis-cluster", "redis-queue")
GO_FRUGAL: Final = {"GOMAXPROCS": "1"}  # a few questions a second: more threads only wake each other


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    return (_redis(instance, topology), _prober(instance, topology), _node(instance, topology))


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:
    """There is nothing to do once."""
    del instance, topology
    return ()


def _redis(instance: Instance, topology: Topology) -> PodSpec:
    name = "redis-exporter-1"
    ports = resolution.ports(instance, topology, name, "http")
    passwords = instance.config(name) / "passwords.json"
    return PodSpec(
        name=name,
        component="redis-exporter",
        argv=(
            str(binary("prometheus-redis-exporter")),
            "-redis.addr=",  # none of its own: it asks whom Prometheus names
            f"-redis.password-file={passwords}",
            f"-web.listen-address={LOOPBACK}:{ports['http']}",
            "-connection-timeout=1s",  # Prometheus waits three
            "-redis-only-metrics",
            "-config-command=-",  # its settings are declared, nobody needs to ask for them
            "-set-client-name=false",
        ),
        env=lambda: GO_FRUGAL,
        ready=partial(_answers, ports["http"], "/health"),
        ports=ports,
        prepare=partial(_write_passwords, instance, topology, passwords),
    )


def _write_passwords(instance: Instance, topology: Topology, path: Path) -> None:
    """{"redis://127.0.0.1:7001": "…"}: the address exactly as Prometheus asks for it."""
    found = {
        f"redis://{LOOPBACK}:{resolution.port(instance, topology, pod, 'redis')}": resolution.secret(
            instance, topology, f"{component}-password"
        )
        for component in REDIS
        for pod in topology.component(component).pods
    }
    write_private(path, json.dumps(found))


def _prober(instance: Instance, topology: Topology) -> PodSpec:
    name = "blackbox-exporter-1"
    ports = resolution.ports(instance, topology, name, "http")
    settings = instance.config(name) / "blackbox.yml"
    authority = certificates.authority_directory(instance.path)

    def prepare() -> None:
        certificates.authority(authority, topology.domain("apex").host)  # the edge, which signs with it, starts later
        write_text(settings, prober.render(ca_file=str(authority / "ca.pem")))

    return PodSpec(
        name=name,
        component="blackbox-exporter",
        argv=(
            str(binary("prometheus-blackbox-exporter")),
            f"--config.file={settings}",
            f"--web.listen-address={LOOPBACK}:{ports['http']}",
            "--log.level=error",
        ),
        env=lambda: GO_FRUGAL,
        ready=partial(_answers, ports["http"], "/-/healthy"),
        ports=ports,
        prepare=prepare,
    )


def _node(instance: Instance, topology: Topology) -> PodSpec:
    name = "node-exporter-1"
    ports = resolution.ports(instance, topology, name, "http")
    return PodSpec(
        name=name,
        component="node-exporter",
        argv=(
            str(binary("prometheus-node-exporter")),
            "--collector.disable-defaults",
            "--collector.filesystem",
            "--collector.filesystem.fs-types-exclude=^(proc|sysfs|devtmpfs|devpts|cgroup2?|mqueue|overlay|nsfs|fuse.*)$",
            "--web.disable-exporter-metrics",
            f"--web.listen-address={LOOPBACK}:{ports['http']}",
            "--log.level=error",
        ),
        env=lambda: GO_FRUGAL,
        ready=partial(_answers, ports["http"], "/"),
        ports=ports,
    )


async def _answers(port: int, path: str) -> str:
    await probes.http_get(port, path)
    return "answers"
