"""Ask blockchains through several providers, so that no single one of them can fail us.

Between: services and the worker (read, broadcast, follow) and providers' JSON-RPC endpoints; aiohttp ends here.
Policy: docs/chain-rpc.md.
"""

from audifi.clients.chain.errors import (
    CallerError,
    ChainUnavailable,
    Disagreement,
    MethodRefused,
    NonceUsed,
    PoolRejected,
    RangeTooLarge,
    UnknownChain,
)
from audifi.clients.chain.pool.chains import Chain, Chains
from audifi.clients.chain.pool.heads import Head
from audifi.clients.chain.pool.status import EndpointStatus
from audifi.clients.chain.providers import Provider, parse_providers

__all__ = [
    "CallerError",
    "Chain",
    "ChainUnavailable",
    "Chains",
    "Disagreement",
    "EndpointStatus",
    "Head",
    "MethodRefused",
    "NonceUsed",
    "PoolRejected",
    "Provider",
    "RangeTooLarge",
    "UnknownChain",
    "parse_providers",
]
