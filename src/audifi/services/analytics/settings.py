"""Name what analytics-service is told: nothing beyond what every service is.

Between: topology.environments (computes the values) and __main__ (parses them once).
Errors: kernel.settings lists every problem and exits 2.
"""

from dataclasses import dataclass

from audifi.kernel.settings import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class AnalyticsSettings(ServiceSettings):
    """The environment of one analytics-service pod."""
