"""Sign transactions with the platform's key, which nobody but this object ever holds.

Between: nonces and transactions (sign) and eth-account (EIP-1559 envelopes, secp256k1).
Shape: type 2 transactions only; every chain we use takes them.
Units: wei; gas in gas; addresses and hashes are 0x and lower-case hexadecimal digits.
Invariant: the key is in no repr, log line, pickle or error. Signing is deterministic (RFC 6979): the same fields give
the same bytes, so a second signature of the same version is not a second transaction.
Errors: SignerError, without the key and without the cause that might quote it.
Source: EIP-1559, EIP-2718; RFC 6979 section 3.2; eth-account 0.13 `Account.sign_transaction`.
"""

from dataclasses import dataclass
from typing import Any, Final, NoReturn, Self, cast

from eth_account import Account

from audifi.kernel.settings import Secret

_KEY_BYTES: Final = 32
TYPE: Final = 2


class SignerError(Exception):
    """The signing key or the transaction is not acceptable."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unsigned:
    """What is signed."""

    chain_id: int
    nonce: int
    to: str | None  # None: `data` makes a contract
    data: bytes
    value_wei: int
    gas: int
    fee_max_wei: int  # maxFeePerGas
    tip_max_wei: int  # maxPriorityFeePerGas


@dataclass(frozen=True, slots=True)
class Signed:
    """Bytes that any node takes, and the hash every node will call them by."""

    raw: bytes
    hash: str


class Signer:
    """One key and its address."""

    __slots__ = ("_account", "address")

    def __init__(self, account: Any) -> None:
        self._account = account
        self.address: Final = str(account.address).lower()

    @classmethod
    def of(cls, secret: Secret) -> Self:
        """Take the key from CHAIN_SIGNER_KEY: 0x and 64 hexadecimal digits."""
        try:
            raw = bytes.fromhex(secret.reveal().strip().removeprefix("0x"))
        except ValueError:
            raw = b""
        if len(raw) != _KEY_BYTES:
            raise SignerError("CHAIN_SIGNER_KEY is not 0x and 64 hexadecimal digits") from None
        try:
            return cls(cast("Any", Account).from_key(raw))
        except ValueError:
            raise SignerError("CHAIN_SIGNER_KEY is not a key of secp256k1") from None

    def sign(self, unsigned: Unsigned) -> Signed:
        if min(unsigned.nonce, unsigned.value_wei, unsigned.gas, unsigned.tip_max_wei, unsigned.fee_max_wei) < 0:
            raise SignerError(f"nonce {unsigned.nonce} of chain {unsigned.chain_id}: a number is below 0")
        fields: dict[str, Any] = {
            "type": TYPE,
            "chainId": unsigned.chain_id,
            "nonce": unsigned.nonce,
            "data": unsigned.data,
            "value": unsigned.value_wei,
            "gas": unsigned.gas,
            "maxFeePerGas": unsigned.fee_max_wei,
            "maxPriorityFeePerGas": unsigned.tip_max_wei,
            "accessList": [],
        }
        if unsigned.to is not None:
            fields["to"] = bytes.fromhex(unsigned.to.removeprefix("0x"))
        try:
            signed = self._account.sign_transaction(fields)
        except (TypeError, ValueError) as error:
            raise SignerError(f"nonce {unsigned.nonce} of chain {unsigned.chain_id}: {type(error).__name__}") from None
        return Signed(bytes(signed.raw_transaction), "0x" + bytes(signed.hash).hex())

    def __repr__(self) -> str:
        return f"Signer({self.address})"

    def __reduce__(self) -> NoReturn:
        raise SignerError("a signer stays in its process")
