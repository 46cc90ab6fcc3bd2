"""Say for every JSON-RPC method what may be done with it: read, hedged, cached, pinned, or refused.

Between: chain (asks before each call) and docs/chain-rpc.md (explains).
Shape: a table keyed by method; a method that is not in it is refused, so that nothing unforeseen leaves with our key.
Why costs: providers sell compute units or credits, not requests; the budget counts what they count.
Units: costs in the provider's own unit (Alchemy: compute units; Infura: credits).
Errors: MethodRefused.
Source: outbound.md 1.2 (retry, hedge by method), 1.3 (Alchemy's units as eRPC uses them);
https://docs.metamask.io/services/get-started/pricing/credit-cost/ (Infura: 80 by default);
https://ethereum.github.io/execution-apis/api-documentation/ (positions of block parameters);
https://eips.ethereum.org/EIPS/eip-1898 (which methods take a block hash).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from audifi.clients.chain.errors import MethodRefused


class Keep(Enum):
    """How long an answer stays true."""

    NEVER = "never"
    ALWAYS = "always"  # a constant of the chain
    AT_BLOCK = "at_block"  # as final as the block the call names
    ONCE_MINED = "once_mined"  # as final as the block the answer names


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the pool may do with one method."""

    method: str
    block_at: int | None = None  # position of the block parameter, whose tag the pool pins
    is_block_optional: bool = False  # left out, it means `latest`
    keep: Keep = Keep.NEVER
    is_hedged: bool = True
    is_heavy: bool = False  # seconds are normal: own latency figures, longer patience
    is_null_doubted: bool = False  # null may mean "I have not seen it yet": ask the others
    is_block: bool = False  # the answer is a block with number and hash
    takes_hash: bool = False  # its block may be named by hash (EIP-1898)


def _at(method: str, position: int, *, is_heavy: bool = False) -> Policy:
    return Policy(method=method, block_at=position, keep=Keep.AT_BLOCK, is_heavy=is_heavy)


def _state(method: str, position: int) -> Policy:
    return Policy(method=method, block_at=position, is_block_optional=True, keep=Keep.AT_BLOCK, takes_hash=True)


_ALL: Final = (
    Policy(method="eth_chainId", keep=Keep.ALWAYS),
    Policy(method="net_version", keep=Keep.ALWAYS),
    Policy(method="eth_blockNumber"),
    Policy(method="eth_gasPrice"),
    Policy(method="eth_maxPriorityFeePerGas"),
    Policy(method="eth_blobBaseFee"),
    Policy(method="eth_syncing"),
    Policy(method="web3_clientVersion"),
    _state("eth_call", 1),
    _state("eth_getBalance", 1),
    _state("eth_getCode", 1),
    _state("eth_getTransactionCount", 1),
    _state("eth_getStorageAt", 2),
    _at("eth_getProof", 2, is_heavy=True),
    _at("eth_estimateGas", 1),
    _at("eth_createAccessList", 1),
    _at("eth_feeHistory", 1),
    _at("eth_getBlockReceipts", 0, is_heavy=True),
    _at("eth_getBlockTransactionCountByNumber", 0),
    _at("eth_getTransactionByBlockNumberAndIndex", 0),
    Policy(method="eth_getBlockByNumber", block_at=0, keep=Keep.AT_BLOCK, is_block=True),
    Policy(method="eth_getBlockByHash", keep=Keep.ONCE_MINED, is_null_doubted=True),
    Policy(method="eth_getTransactionByHash", keep=Keep.ONCE_MINED, is_null_doubted=True),
    Policy(method="eth_getTransactionReceipt", keep=Keep.ONCE_MINED, is_null_doubted=True),
    Policy(method="eth_getLogs", keep=Keep.AT_BLOCK, is_heavy=True),
    Policy(method="debug_traceTransaction", is_heavy=True, is_hedged=False),
    Policy(method="debug_traceCall", is_heavy=True, is_hedged=False, block_at=1),
    Policy(method="trace_transaction", is_heavy=True, is_hedged=False),
)
POLICIES: Final = {policy.method: policy for policy in _ALL}
SEND: Final = "eth_sendRawTransaction"
HEAD_METHOD: Final = "eth_getBlockByNumber"

_WHY: Final = {
    SEND: "use broadcast(): it alone survives a lost acknowledgement",
    "eth_sendTransaction": "keys stay with us: sign, then broadcast()",
    "eth_subscribe": "follow blocks with the follower: a subscription is lost with its connection",
}
_WHY_PREFIX: Final = (
    ("eth_sign", "keys stay with us"),
    ("personal_", "keys stay with us"),
    ("admin_", "a provider's node is not ours to manage"),
    ("miner_", "a provider's node is not ours to manage"),
    ("anvil_", "a development node is driven directly, never through the pool"),
    ("evm_", "a development node is driven directly, never through the pool"),
    ("eth_new", "filters live in one node and die with it: use eth_getLogs over block ranges"),
    ("eth_getFilter", "filters live in one node and die with it: use eth_getLogs over block ranges"),
    ("eth_uninstallFilter", "filters live in one node and die with it: use eth_getLogs over block ranges"),
)

# Compute units at Alchemy (eRPC's table of 2026-08, from its docs); credits at Infura. What is not listed costs "*".
_COSTS: Final = {
    "alchemy": {
        "*": 20,
        "eth_chainId": 0,
        "net_version": 0,
        "eth_blockNumber": 10,
        "eth_call": 26,
        "eth_getLogs": 60,
        SEND: 40,
    },
    "infura": {"*": 80, "eth_chainId": 5, "eth_getLogs": 255, "eth_estimateGas": 300},
}
_ONE_EACH: Final = {"*": 1}


def policy_of(method: str) -> Policy:
    """Return what may be done with a method.

    Raises: MethodRefused for everything that is not a read the pool knows.
    """
    found = POLICIES.get(method)
    if found is None:
        raise MethodRefused(f"{method} is refused: {_reason(method)}")
    return found


def cost_of(provider: str, method: str) -> int:
    """Return what one call costs at this provider, in its own unit (1 where we know no price list)."""
    costs = _COSTS.get(provider, _ONE_EACH)
    return costs.get(method, costs["*"])


def batch_cost(provider: str) -> int:
    """Return what a batch costs besides its calls (Infura charges the batch itself)."""
    return _COSTS["infura"]["*"] if provider == "infura" else 0


def _reason(method: str) -> str:
    if method in _WHY:
        return _WHY[method]
    reasons = [why for prefix, why in _WHY_PREFIX if method.startswith(prefix)]
    return reasons[0] if reasons else "it is not in the table of clients/chain/pool/methods.py"
