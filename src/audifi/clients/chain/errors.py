"""Say how a call to a chain can fail, so that callers choose by type and never read a provider's words.

Between: clients.chain (raises) and services, transactions, follower (catch).

    BlockchainError (wire.problems, 502)
    ├── ChainUnavailable   no provider answered in time; says whether a broadcast may have taken effect
    ├── Disagreement       providers gave different answers to a question about money
    ├── CallerError        the chain's own "no": a revert, wrong parameters, not enough funds; same on every provider
    │   └── RangeTooLarge  ask for fewer blocks at once
    ├── NonceUsed          another transaction of this signer took the nonce
    └── PoolRejected       no provider's mempool takes this transaction as it is (its fee, mostly)
    MethodRefused (Refusal)  this method never leaves through the pool
    UnknownChain  (Refusal)  no provider is configured for this chain

Invariant: no message holds a URL or a key; a provider appears by its name.
Errors: none of its own.
Source: outbound.md 1.2; https://eips.ethereum.org/EIPS/eip-1474 (codes), EIP-838 (revert data).
"""

from typing import Any

from audifi.wire.problems import BlockchainError, Refusal


class ChainUnavailable(BlockchainError):
    """No blockchain provider answered in time; try again shortly."""


class Disagreement(BlockchainError):
    """The blockchain providers contradict each other about this; nothing was decided."""


class CallerError(BlockchainError):
    """The chain refuses this call, whichever provider is asked."""

    def __init__(self, rpc_code: int, message: str, data: Any = None) -> None:
        """Keep the node's code, words and data (for a revert: the ABI-encoded reason)."""
        super().__init__(f"{message} ({rpc_code})", retry_after_s=None)
        self.rpc_code = rpc_code
        self.reason = message
        self.data = data


class RangeTooLarge(CallerError):
    """The answer would be too large: ask for fewer blocks at once."""


class NonceUsed(BlockchainError):
    """Another transaction of this signer has taken this nonce; ours is on no provider."""


class PoolRejected(BlockchainError):
    """No provider's mempool takes this transaction as it is."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the mempool refuses the transaction: {reason}", retry_after_s=None)
        self.reason = reason


class MethodRefused(Refusal):
    """This method is not among those that may be sent to a provider."""


class UnknownChain(Refusal):
    """No provider is configured for this chain."""
