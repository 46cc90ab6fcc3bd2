"""Name what coin-service is told: what every service is, and nothing more.

Between: topology.environments (computes the values) and __main__ (parses them once).
Why no chain: the worker reads and writes chains for us.
Errors: kernel.settings lists every problem and exits 2.
"""

from dataclasses import dataclass

from audifi.kernel.settings import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class CoinSettings(ServiceSettings):
    """The environment of one coin-service pod."""
