"""Offer running servers to tests: the stores alone, or the whole platform.

Between: component and system tests (ask for `stores` or `platform`) and audifi.local, the only code that starts them.
Shape: one of each per test session, started when the first test asks.
Invariant: every run has its own directory below .audifi/ and its own ports; nothing is left when the session ends,
even by SIGKILL. When a test failed, the logs stay in that directory.
Errors: a platform that does not start fails the tests that asked for it, with the reason.
"""

import asyncio
from collections.abc import Generator

import pytest
from hypothesis import settings
from tests.support.instances import instance

from audifi.local.held import Held

# No test is timed (architecture.md 7): hypothesis' 200 ms per example would time the machine's other work.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
STORES = ("pgbouncer", "redis-cluster", "redis-queue")


@pytest.fixture(scope="session", autouse=True)
def no_loop_in_advance() -> None:
    """Keep pytest-asyncio (1.x) from making a loop that nobody closes: it asks for the current one, and Python 3.11
    makes one unless "none" was said. Goes with Python 3.14, where asking makes nothing.
    """
    asyncio.set_event_loop(None)


@pytest.fixture(scope="session")
def stores(request: pytest.FixtureRequest) -> Generator[Held]:
    """PostgreSQL behind PgBouncer, the Redis Cluster and the queue: roles and empty schemas are there."""
    with instance(request, "stores", STORES) as running:
        yield running


@pytest.fixture(scope="session")
def platform(request: pytest.FixtureRequest) -> Generator[Held]:
    """Everything that runs on one machine."""
    with instance(request, "system") as running:
        yield running
