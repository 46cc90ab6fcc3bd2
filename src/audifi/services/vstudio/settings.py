"""Name what vstudio-service is told beyond what every service is.

Between: topology.environments (computes the values) and __main__ (parses them once).
Errors: kernel.settings lists every problem and exits 2.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from audifi.kernel.settings import Env, ServiceSettings
from audifi.wire import environment


@dataclass(frozen=True, kw_only=True)
class VstudioSettings(ServiceSettings):
    """The environment of one vstudio-service pod."""

    live_url: Annotated[str, Env(environment.LIVE_URL)]
    ws_affinity: Annotated[Literal["ticket", "cookie"], Env(environment.WS_AFFINITY)]
