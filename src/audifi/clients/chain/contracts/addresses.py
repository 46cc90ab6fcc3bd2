"""Compute where a contract will be, before it is there.

Between: the worker (tells who asked for a contract where it is) and the EVM's rule.
Shape: the last 20 bytes of keccak(rlp([sender, nonce])); a signer's nonce is used once, so is the address.
Errors: ValueError for what is no address.
Source: yellow paper, section 7 (contract creation) and appendix B (RLP).
"""

from typing import Final

from eth_utils.crypto import keccak

_SHORT: Final = 0x80  # a string of up to 55 bytes begins with this and its length; a list with _LIST
_LIST: Final = 0xC0


def created(sender: str, nonce: int) -> str:
    """Return the address of the contract that this transaction of this sender makes."""
    address = bytes.fromhex(sender.removeprefix("0x"))
    payload = _string(address) + _string(nonce.to_bytes((nonce.bit_length() + 7) // 8, "big"))
    return "0x" + keccak(bytes([_LIST + len(payload)]) + payload)[-20:].hex()


def _string(data: bytes) -> bytes:
    is_itself = len(data) == 1 and data[0] < _SHORT
    return data if is_itself else bytes([_SHORT + len(data)]) + data
