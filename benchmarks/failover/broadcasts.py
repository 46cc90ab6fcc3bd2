"""Send a transfer whose acknowledgement is lost, and compare what the caller was told with what the chain did.

Between: rpc_failover (question 2) and every candidate.
Shape: the primary passes eth_sendRawTransaction on to the chain and cuts the connection instead of answering.
Invariant: every candidate has an account of its own, so that one's nonce is not the other's.
Units: *_s seconds; wei.
Source: outbound.md 2.4; ethereum/execution-apis issue 245 (the method is not idempotent: its client has to be).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_utils.crypto import keccak

from benchmarks.failover.candidates import Candidate, running
from benchmarks.failover.judge import CHAIN_ID, PRIMARY
from benchmarks.failover.network import Network
from benchmarks.failover.scenarios import LOST_ACKNOWLEDGEMENT

ANSWERS_WITHIN_S = 60.0
MINED_WITHIN_S = 15.0
METHOD = "eth_sendRawTransaction"
GAS = 21_000
GWEI = 10**9
BALANCE = 10**18


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one candidate's caller knows, and what is so."""

    told: str  # the hash, or the error
    is_right: bool
    is_mined: bool
    is_hit: bool  # False: it asked the second provider first, and lost nothing


def signed(seed: int, number: int) -> tuple[str, str, str]:
    """A transfer by an account of its own: (address, raw transaction, hash)."""
    account: Any = Account.from_key(keccak(text=f"audifi bench {seed} {number}"))
    transaction = {
        "chainId": CHAIN_ID, "type": 2, "nonce": 0, "to": account.address, "value": 1, "gas": GAS,
        "maxFeePerGas": 100 * GWEI, "maxPriorityFeePerGas": GWEI,
    }  # fmt: skip
    done = account.sign_transaction(transaction)
    return str(account.address), "0x" + bytes(done.raw_transaction).hex(), "0x" + bytes(done.hash).hex()


async def lost_acknowledgements(
    network: Network, candidates: Sequence[Candidate], *, seed: int, folder: Path
) -> dict[str, dict[str, Any]]:
    """What each candidate told its caller."""
    found: dict[str, dict[str, Any]] = {}
    for number, candidate in enumerate(candidates):
        address, raw, tx_hash = signed(seed, number)
        await network.chain("anvil_setBalance", address, hex(BALANCE))
        before = await network.asked(PRIMARY, METHOD)
        told = {**network.told, "mode": "send", "raw": raw}
        async with running(candidate, told, log=folder / f"{candidate.name}.log") as process:
            async with network.broken(LOST_ACKNOWLEDGEMENT):
                process.go()
                (answer,) = await process.answers(within_s=ANSWERS_WITHIN_S)
            said = str(answer.get("told") or answer.get("error"))
            is_hit = await network.asked(PRIMARY, METHOD) > before
            is_mined = await network.mined(tx_hash, within_s=MINED_WITHIN_S)
            told_so = Told(told=said, is_right=said == tx_hash, is_mined=is_mined, is_hit=is_hit)
            found[candidate.name] = asdict(told_so)
    return found
