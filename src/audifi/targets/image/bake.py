"""Write docker-bake.json: every image of a release in one build.

Between: topology.components' image names and `docker buildx bake`.
Shape: one target per component, so `--metadata-file` names digests by component, as `audifi render --images` does.
Invariant: reproducible: BuildKit rewrites file times to SOURCE_DATE_EPOCH; no tag moves, VERSION has no default.
Errors: none.
Source: https://docs.docker.com/build/bake/reference/; https://docs.docker.com/build/ci/github-actions/reproducible-builds/
"""

from typing import Any

from audifi.targets.files import File, json_file
from audifi.targets.image.dockerfile import NAME
from audifi.topology.building import BUILDING, built
from audifi.topology.model.compute import Component
from audifi.topology.model.whole import Topology


def render(topology: Topology) -> File:
    """docker-bake.json."""
    components = built(topology)
    folder = f"rendered/{topology.environment}/image"
    document = {
        "variable": {
            "VERSION": {"description": "the release, e.g. 2026.11.5"},
            "SOURCE_DATE_EPOCH": {"description": "git log -1 --format=%ct"},
        },
        "group": {"default": {"targets": [component.name for component in components]}},
        "target": {component.name: _target(component, f"{folder}/{NAME}") for component in components},
    }
    return json_file("docker-bake.json", document, ("Building", *(f"component {each.name}" for each in components)))


def _target(component: Component, file: str) -> dict[str, Any]:
    assert component.image is not None, f"{component.name} is ours and has no image"
    return {
        "context": ".",
        "dockerfile": file,
        "target": component.name,
        "args": {"SOURCE_DATE_EPOCH": "${SOURCE_DATE_EPOCH}"},
        "tags": [f"{component.image.repository}:${{VERSION}}"],
        "labels": {"org.opencontainers.image.version": "${VERSION}"},
        "platforms": list(BUILDING.platforms),
        "attest": ["type=provenance,mode=max", "type=sbom"],
        "output": ["type=image,push=true,rewrite-timestamp=true"],
    }
