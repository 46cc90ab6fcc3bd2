"""Write the front end's Dockerfile: built by node, served by nginx.

Between: topology.building, topology.surface.{vercel,fly} and flyctl or BuildKit, hadolint.
Shape: the context is the root of the repository; the built pages are all that the image adds to nginx.
Invariant: the server is never root: it may take port 80 by a capability of its file, not of its user.
Errors: none.
Source: capabilities(7), "File capabilities"; https://hub.docker.com/_/nginx
"""

from typing import Final

from audifi.targets.files import File, header
from audifi.topology.building import BUILDING
from audifi.topology.model.whole import Topology

PAGES: Final = "/srv/pages"
IGNORED: Final = ("# Everything, but what the Dockerfile copies.", "*", "!web", "web/node_modules", "web/dist")
SOURCES: Final = ("Fly", "Vercel", "Building")


def render(topology: Topology) -> tuple[File, ...]:
    """The Dockerfile and what its build may see."""
    fly = topology.surface.fly
    folder = f"rendered/{topology.environment}/fly"
    ignored = (*IGNORED, f"!{folder}/nginx.conf")
    return (
        File(path=fly.dockerfile, text=header(SOURCES) + _dockerfile(topology, folder), sources=SOURCES),
        File(path=f"{fly.dockerfile}.dockerignore", text=header(SOURCES) + "\n".join(ignored) + "\n", sources=SOURCES),
    )


def _dockerfile(topology: Topology, folder: str) -> str:
    declared = topology.surface.vercel
    return f"""\
# A release pins both by digest: --build-arg NODE_IMAGE=…@sha256:…
ARG NODE_IMAGE={BUILDING.node_image}
ARG WEB_SERVER_IMAGE={BUILDING.web_server_image}
# checkov:skip=CKV_DOCKER_7:it does not look into the arguments, which name versions

FROM ${{NODE_IMAGE}} AS build
WORKDIR /web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --ignore-scripts
COPY web ./
RUN {declared.build_command}

FROM ${{WEB_SERVER_IMAGE}}
# The tool that sets the capability leaves with the layer that needs it, so its version decides nothing.
# hadolint ignore=DL3018
RUN apk add --no-cache --virtual .capabilities libcap \\
    && setcap cap_net_bind_service=+ep /usr/sbin/nginx \\
    && apk del .capabilities
COPY {folder}/nginx.conf /etc/nginx/nginx.conf
COPY --from=build /web/{declared.output_directory} {PAGES}
USER {topology.guard.run_as_user}:{topology.guard.run_as_user}
EXPOSE {topology.surface.fly.internal_port}
STOPSIGNAL SIGQUIT
# Fly's proxy asks (fly.toml); a second question from inside would tell nobody.
HEALTHCHECK NONE
CMD ["nginx", "-g", "daemon off;"]
"""
