"""The rendered sets, once per session, and a say about what there is to judge them by."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
from tests.agreement.kubernetes import crds

from audifi.targets import catalogue
from audifi.targets.files import File
from audifi.targets.kubernetes import lint
from audifi.topology.declaration import platform
from audifi.topology.model.whole import Topology

ENVIRONMENTS = ("production", "staging")
Documents = list[dict[str, Any]]


@functools.cache
def _files(environment: str) -> tuple[File, ...]:
    return catalogue.render("kubernetes", platform(environment))


@functools.cache
def _documents(environment: str) -> Documents:
    return lint.applied(_files(environment))


@pytest.fixture(scope="session", params=ENVIRONMENTS)
def topology(request: pytest.FixtureRequest) -> Topology:
    """Each environment that is rendered."""
    return platform(request.param)


@pytest.fixture(scope="session")
def files(topology: Topology) -> tuple[File, ...]:
    """Its files for the cluster."""
    return _files(topology.environment)


@pytest.fixture(scope="session")
def documents(topology: Topology) -> Documents:
    """What is applied to its cluster: every object once. Never changed by a test: `broken` makes copies."""
    return _documents(topology.environment)


@pytest.fixture(scope="session")
def production() -> Documents:
    """The production set, for planting faults in copies of it."""
    return _documents("production")


@pytest.fixture(scope="session")
def published() -> Callable[[str, str], dict[str, Any] | None]:
    """The published schemas of custom kinds; CI has them."""
    try:
        crds.folder()
    except crds.SchemasMissing as missing:
        pytest.skip(reason=str(missing))
    return crds.schema
