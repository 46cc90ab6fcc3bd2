"""Write the services' Dockerfile.

Between: topology.building and BuildKit, hadolint.
Shape: build (dependencies by hash, then our packages) → runtime → one stage per component.
Invariant: the same commit gives the same bytes: dependencies come from requirements.lock by hash, bytecode carries a
hash instead of a time (PEP 552), and BuildKit sets every file's time to SOURCE_DATE_EPOCH (bake.py).
Errors: none.
Source: https://docs.docker.com/reference/dockerfile/; kubernetes.md acceptance checklist 3 (numeric user,
read-only root).
"""

from collections.abc import Iterator
from typing import Final

from audifi.targets.files import File, header
from audifi.topology.building import BUILDING, built, module
from audifi.topology.model.compute import Component
from audifi.topology.model.whole import Topology

NAME: Final = "Dockerfile"
HOME: Final = "/opt/audifi"  # the virtual environment: dependencies and ours
IGNORED: Final = (
    "# Everything, but what the Dockerfile copies.",
    "*",
    "!pyproject.toml",
    "!requirements.lock",
    "!src/audifi/__init__.py",
    *(f"!src/audifi/{package}" for package in BUILDING.packages),
    "**/__pycache__",
)


def render(topology: Topology) -> tuple[File, ...]:
    """The Dockerfile, and what of the repository its build may see."""
    sources = ("Building", *(f"component {component.name}" for component in built(topology)))
    ignored = File(
        path=f"{NAME}.dockerignore",
        text=header(("Building",)) + "\n".join(IGNORED) + "\n",
        sources=("Building",),
    )
    return File(path=NAME, text=header(sources) + "\n".join(_lines(topology)) + "\n", sources=sources), ignored


def _lines(topology: Topology) -> Iterator[str]:
    yield from _build()
    yield from _runtime(topology.guard.run_as_user)
    for component in built(topology):
        yield from _stage(component)


def _build() -> Iterator[str]:
    yield f"""\
# A release pins both by digest: --build-arg PYTHON_IMAGE=…@sha256:…
ARG PYTHON_IMAGE={BUILDING.python_image}
ARG UV_IMAGE={BUILDING.uv_image}
# checkov:skip=CKV_DOCKER_7:it does not look into the arguments, which name versions

FROM ${{UV_IMAGE}} AS uv

FROM ${{PYTHON_IMAGE}} AS build
COPY --from=uv /uv /usr/local/bin/uv
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_CACHE=1
WORKDIR /build
COPY pyproject.toml requirements.lock ./
# Only what pyproject.toml says a pod needs, in the locked versions; a byte that differs from its hash ends the build.
RUN uv venv --no-project {HOME} \\
    && uv pip install --python {HOME}/bin/python --require-hashes --only-binary :all: \\
        --requirements pyproject.toml --constraints requirements.lock
COPY src/audifi/__init__.py src/audifi/"""
    for package in BUILDING.packages:
        yield f"COPY src/audifi/{package} src/audifi/{package}"
    yield f"""\
RUN cp -R src/audifi "$({HOME}/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \\
    && {HOME}/bin/python -m compileall -q --invalidation-mode unchecked-hash {HOME}/lib
"""


def _runtime(user: int) -> Iterator[str]:
    yield f"""\
FROM ${{PYTHON_IMAGE}} AS runtime
COPY --from=build {HOME} {HOME}
ENV PATH={HOME}/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
LABEL org.opencontainers.image.source="{BUILDING.source_url}"
WORKDIR /
USER {user}:{user}
STOPSIGNAL SIGTERM
# The kubelet asks /health and /ready; a check of the image's own would ask the same thing twice.
HEALTHCHECK NONE
# A pod runs `python -m <module>`; its migrations run `python -m {BUILDING.migrate_module} <schema>`.
ENTRYPOINT ["python", "-m"]
"""


def _stage(component: Component) -> Iterator[str]:
    yield f"""\
FROM runtime AS {component.name}
LABEL org.opencontainers.image.title="{component.name}" org.opencontainers.image.description="{component.purpose}"
CMD ["{module(component)}"]
"""
