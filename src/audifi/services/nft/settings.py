"""Name what nft-service is told beyond what every service is.

Between: topology.environments (computes the values) and __main__ (parses them once).
Errors: kernel.settings lists every problem and exits 2.
"""

from dataclasses import dataclass
from typing import Annotated

from audifi.kernel.settings import Env, Secret, ServiceSettings
from audifi.wire import environment


@dataclass(frozen=True, kw_only=True)
class NftSettings(ServiceSettings):
    """The environment of one nft-service pod."""

    rpc_providers: Annotated[tuple[str, ...], Env(environment.RPC_PROVIDERS)]
    rpc_keys: Annotated[Secret, Env(environment.RPC_KEYS)]
    content_directory: Annotated[str, Env(environment.CONTENT_DIRECTORY)]
    chain_confirmations: Annotated[str | None, Env(environment.CHAIN_CONFIRMATIONS)] = None
