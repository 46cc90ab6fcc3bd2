"""The rendered sets, once per session, and a say about what there is to judge them by."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
from tests.agreement.kubernetes import crds

from audifi.targets import catalogue
from audifi.targets.files import File
from audifi.targets.kubernetes import checklist, lint
from audifi.targets.kubernetes.rules.rule import Verdict
from audifi.topology.declaration import platform
from audifi.topology.model.whole import Topology

ENVIRONMENTS = ("production", "staging")
Documents = list[dict[str, Any]]


@functools.cache
def _files(environment: str) -> tuple[File, ...]:
    return catalogue.render("kubernetes", platform(environment))


@functools.cache
def _variants(environment: str) -> dict[str, Documents]:
    return lint.variants(_files(environment))


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
    """Every object that may be applied to its cluster, those of options too. No test changes them."""
    found = [each for variant in _variants(topology.environment).values() for each in variant]
    return list({id(each): each for each in found}.values())


@pytest.fixture(scope="session")
def production() -> dict[str, Documents]:
    """The production sets, with and without options, for planting faults in copies of them."""
    return _variants("production")


@functools.cache
def _verdicts(environment: str) -> tuple[Verdict, ...]:
    return lint.verdicts(_files(environment), platform(environment))


@pytest.fixture(scope="session")
def verdicts(topology: Topology) -> dict[str, Verdict]:
    """What every rule of the linter saw in an environment, by the rule's name."""
    return {each.rule.name: each for each in _verdicts(topology.environment)}


@pytest.fixture(scope="session")
def page() -> str:
    """The reviewer's checklist as it should be."""
    return checklist.page({each: _verdicts(each) for each in ENVIRONMENTS})


@pytest.fixture(scope="session")
def published() -> Callable[[str, str], dict[str, Any] | None]:
    """The published schemas of custom kinds; CI has them."""
    try:
        crds.folder()
    except crds.SchemasMissing as missing:
        pytest.skip(reason=str(missing))
    return crds.schema
