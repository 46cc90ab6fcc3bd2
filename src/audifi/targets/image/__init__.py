"""Render how our images are built: one Dockerfile, a stage per component, and the file that builds them all.

Between: topology.building, topology.components and BuildKit (`docker buildx bake`).
Shape: Dockerfile, Dockerfile.dockerignore (BuildKit reads it beside the Dockerfile) and docker-bake.json. The context
is the root of the repository.
Invariant: the stages differ in one line each, so all images share their layers. Non-root, nothing is written at run
time, no shell in the command line, no secret at any time.
Errors: none.
"""

from audifi.targets.files import File
from audifi.targets.image import bake, dockerfile
from audifi.topology.model.whole import Topology


def render(topology: Topology) -> tuple[File, ...]:
    """What `docker buildx bake` needs."""
    return (*dockerfile.render(topology), bake.render(topology))
