"""Name the chains and how far each can be believed: block time, tolerated lag, confirmations.

Between: topology.thirdparties (declares which chains we use), clients.chain (gates heads, counts confirmations),
local.components.chains (runs one of each).
Units: *_s seconds; lag and confirmations in blocks.
Invariant: `final_confirmations` ≥ `act_confirmations`; a place that wants other confirmations (one machine, where a
block costs nothing) says so with CHAIN_CONFIRMATIONS, never by editing this table.
Errors: KeyError for a chain we do not know.
Source: domain.md 2.2 (confirmations: Ethereum 12 / 64, Polygon 128, Base 12 / 64), 5.8 (test chains); outbound.md 3
(block times, tolerated lag).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainFacts:
    """One chain."""

    chain_id: int
    name: str
    block_time_s: float
    lag_blocks_max: int  # a provider further behind the newest head seen does not answer for `latest`
    act_confirmations: int  # then we act on an event
    final_confirmations: int  # then it cannot be undone


def _facts(chain_id: int, name: str, *, block_time_s: float, lag: int, act: int, final: int) -> ChainFacts:
    return ChainFacts(
        chain_id=chain_id,
        name=name,
        block_time_s=block_time_s,
        lag_blocks_max=lag,
        act_confirmations=act,
        final_confirmations=final,
    )


_ALL: Final = (
    _facts(1, "ethereum", block_time_s=12, lag=2, act=12, final=64),
    _facts(137, "polygon", block_time_s=2, lag=5, act=128, final=128),
    _facts(8453, "base", block_time_s=2, lag=5, act=12, final=64),
    _facts(11_155_111, "sepolia", block_time_s=12, lag=2, act=12, final=64),
    _facts(80_002, "amoy", block_time_s=2, lag=5, act=128, final=128),
    _facts(84_532, "base-sepolia", block_time_s=2, lag=5, act=12, final=64),
)
CHAINS: Final[Mapping[int, ChainFacts]] = {facts.chain_id: facts for facts in _ALL}
