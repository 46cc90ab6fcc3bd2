"""Give tests of live sessions a real Redis Cluster, and find who owns a session's channel in it.

Between: fixture `stores` and the tests.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from audifi.kernel.cache import Cache
from audifi.kernel.settings import Secret
from audifi.local.held import Held


@dataclass(frozen=True)
class Redis:
    """Where the cluster is."""

    redis_nodes: tuple[str, ...]
    redis_password: Secret


@pytest.fixture(scope="module")
def redis(stores: Held) -> Redis:
    told = stores.environment("vstudio-service-1")
    return Redis(tuple(told["REDIS_NODES"].split(",")), Secret(told["REDIS_PASSWORD"]))


@pytest_asyncio.fixture
async def cache(redis: Redis) -> AsyncIterator[Cache]:
    opened = await Cache.open(redis)
    yield opened
    await opened.close()
