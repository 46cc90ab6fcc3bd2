"""Name what coin-service is told beyond what every service is.

Between: topology.environments (computes the values) and __main__ (parses them once).
Why no chain: the worker reads and writes chains for us.
Errors: kernel.settings lists every problem and exits 2.
"""

from dataclasses import dataclass
from typing import Annotated

from audifi.kernel.settings import Env, ServiceSettings
from audifi.wire import environment


@dataclass(frozen=True, kw_only=True)
class CoinSettings(ServiceSettings):
    """The environment of one coin-service pod."""

    pool_seed_wei_max: Annotated[int, Env(environment.POOL_SEED_WEI_MAX, minimum=0)]
