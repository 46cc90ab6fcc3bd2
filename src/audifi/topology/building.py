"""Declare what images are built from: other people's images, and what of ours goes into a pod.

Between: targets.image (the services' Dockerfile), targets.fly (the front end's) and topology.compute's image names.
Invariant: other people's images have the tag of one version. No digest of theirs is known here for certain, so none is
written; a release pins them by the build arguments that both Dockerfiles have.
Errors: KeyError for a component that runs no program of ours.
Source: architecture.md 6.7 (digests, non-root); pyproject.toml (what a pod needs); launcher (uv's version);
web/package.json (node's). Tags: each project's own list of releases.
"""

from dataclasses import dataclass
from typing import Final

from audifi.topology.model.compute import Component, Kind
from audifi.topology.model.whole import Topology

GATEWAYS: Final = {"ws-gateway": "audifi.gateways.ws"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Building:
    """What images start from and hold."""

    python_image: str
    uv_image: str
    node_image: str
    web_server_image: str
    packages: tuple[str, ...]  # below src/audifi: the data plane, and nothing of the control plane
    platforms: tuple[str, ...]
    migrate_module: str
    source_url: str
    source: str


BUILDING: Final = Building(
    python_image="python:3.11.14-slim-bookworm",
    uv_image="ghcr.io/astral-sh/uv:0.13.9",
    node_image="node:24.11.0-bookworm-slim",
    web_server_image="nginx:1.28.0-alpine",
    packages=("wire", "kernel", "clients", "gateways", "services"),
    platforms=("linux/amd64", "linux/arm64"),
    migrate_module="audifi.kernel.migrate",
    source_url="https://github.com/audifi/audifi",
    source="architecture.md 3 (two planes, one wire), 6.7",
)


def built(topology: Topology) -> tuple[Component, ...]:
    """The components that run a program of ours, each with an image of its name."""
    return tuple(each for each in topology.components if _is_ours(each))


def module(component: Component) -> str:
    """What a pod of it runs: `python -m <module>`."""
    if not _is_ours(component):
        raise KeyError(f"{component.name} runs no program of ours")
    return GATEWAYS.get(component.name, f"audifi.services.{component.short_name}")


def _is_ours(component: Component) -> bool:
    return component.kind in {Kind.SERVICE, Kind.WORKER} or component.name in GATEWAYS
