"""Replace what means "now" in a call by the block it is meant at, so that every endpoint answers about the same one.

Between: chain (pins each call) and endpoints.
Sample: eth_call [{…}, "latest"] → [{…}, "0x1b4"]; eth_getLogs [{"fromBlock": "0x1", "toBlock": "latest"}] → "0x1b4".
By hash: state at `latest` is asked by the tip's hash (EIP-1898), {"blockHash": "0x…"}: a forked node that has another
block at that height cannot answer. If no provider knows that block any more (it was reorganised away), the call is
pinned again by number.
Tags: `latest` is pinned to the served tip, `finalized` to the finalized mark; `pending`, `safe` and `earliest` pass as
they are, uncached. A block named by hash (EIP-1898) passes as it is: it cannot be mistaken.
Invariant: the caller's own lists and objects are never changed.
Errors: never raises; what is malformed is the node's to refuse.
Source: outbound.md 3 lesson 4 (proxyd rewrites `latest`); EIP-1898.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from audifi.clients.chain.pool.methods import Policy

LOGS: Final = "eth_getLogs"
_FINALIZED: Final = "finalized"
_LATEST: Final = "latest"


@dataclass(frozen=True, slots=True)
class Pinned:
    """A call with its block."""

    params: Sequence[Any]
    height: int | None  # the block it is about; None when it names none by number
    is_cacheable: bool = True
    is_by_hash: bool = False
    is_tip: bool = False  # it said `latest`: pinned again when it had to wait


def tags_of(policy: Policy, params: Sequence[Any]) -> set[str]:
    """Return which of `latest` and `finalized` must be known to pin this call."""
    if policy.method == LOGS:
        found = _filter_of(params)
        named = [] if "blockHash" in found else [found.get("toBlock", _LATEST), found.get("fromBlock", _LATEST)]
    elif policy.block_at is None:
        return set()
    else:
        named = [_named(policy, params)]
    return {tag for tag in (_LATEST, _FINALIZED) if tag in named}


def pinned(policy: Policy, params: Sequence[Any], *, tip: int, final: int = 0, tip_hash: str | None = None) -> Pinned:
    """Return the call with its tags replaced. `final` matters only if `tags_of` asked for it."""
    if policy.method == LOGS:
        return _pinned_logs(params, tip, final)
    if policy.block_at is None:
        return Pinned(params, None)
    block = _named(policy, params)
    if block is None:
        return Pinned(params, None, is_cacheable=False)
    number = _number(block, tip, final)
    if number is None:
        return Pinned(params, None, is_cacheable=False)
    is_by_hash = block == _LATEST and policy.takes_hash and tip_hash is not None
    name = {"blockHash": tip_hash} if is_by_hash else hex(number)
    replaced = [*params[: policy.block_at], name, *params[policy.block_at + 1 :]]
    return Pinned(replaced, number, is_by_hash=is_by_hash, is_tip=block == _LATEST)


def _named(policy: Policy, params: Sequence[Any]) -> Any:
    assert policy.block_at is not None
    if len(params) > policy.block_at:
        return params[policy.block_at]
    return _LATEST if policy.is_block_optional and len(params) == policy.block_at else None


def _pinned_logs(params: Sequence[Any], tip: int, final: int) -> Pinned:
    found = _filter_of(params)
    if not found or "blockHash" in found:
        return Pinned(params, None, is_cacheable=False)
    first = _number(found.get("fromBlock", _LATEST), tip, final)
    last = _number(found.get("toBlock", _LATEST), tip, final)
    if first is None or last is None:
        return Pinned(params, None, is_cacheable=False)
    return Pinned([{**found, "fromBlock": hex(first), "toBlock": hex(last)}, *params[1:]], last)


def _filter_of(params: Sequence[Any]) -> dict[str, Any]:
    if params and isinstance(params[0], Mapping):
        return dict(cast("Mapping[str, Any]", params[0]))
    return {}


def _number(block: Any, tip: int, final: int) -> int | None:
    if block == _LATEST:
        return tip
    if block == _FINALIZED:
        return final
    if isinstance(block, Mapping):
        block = cast("Mapping[str, Any]", block).get("blockNumber")
    if isinstance(block, str) and block.startswith("0x") and len(block) < 20:
        try:
            return int(block, 16)
        except ValueError:
            return None
    return None
