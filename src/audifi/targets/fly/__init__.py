"""Render the front end for Fly.io, the design's alternative to Vercel: fly.toml, an image and its web server.

Between: topology.surface.fly and `fly deploy . --config rendered/<environment>/fly/fly.toml`.
Shape: fly.toml, Dockerfile (beside it, as the design says), Dockerfile.dockerignore, nginx.conf.
Invariant: what Vercel does beside its files, nginx.conf does too (targets.hosting).
Errors: none.
"""

from audifi.targets.files import File
from audifi.targets.fly import image, machine, server
from audifi.topology.model.whole import Topology


def render(topology: Topology) -> tuple[File, ...]:
    """What `fly deploy` needs."""
    return (machine.render(topology), *image.render(topology), server.render(topology))
