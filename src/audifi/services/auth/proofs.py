"""Recover who signed a text with an Ethereum key.

Between: routes.wallets, `eth_account` (whose exceptions end here).
Invariant: an address that leaves this module carries its EIP-55 checksum.
Not here: EIP-1271 (contract wallets) is phase 2: it needs a chain.
Errors: Invalid (malformed address), InvalidSignature.
Source: EIP-191 version 0x45 (personal_sign), EIP-55; domain.md 4.
"""

from typing import cast

from eth_account import Account
from eth_account.messages import encode_defunct
from eth_keys.exceptions import BadSignature
from eth_utils.address import is_checksum_address, to_checksum_address
from eth_utils.exceptions import ValidationError

from audifi.services.auth.errors import Invalid, InvalidSignature
from audifi.services.auth.rules import wallets

SIGNATURE_LENGTH = 132  # 0x + 65 bytes


def checksummed(address: str) -> str:
    """Return the address with its checksum; all-lower or all-upper passes, mixed case must be right (EIP-55)."""
    if not wallets.has_address_form(address):
        raise Invalid(details={"address": "must be 0x and 40 hexadecimal digits"})
    digits = address[2:]
    is_one_case = digits in (digits.lower(), digits.upper())
    if not is_one_case and not is_checksum_address(address):
        raise Invalid(details={"address": "the EIP-55 checksum is wrong: a character was mistyped"})
    return str(to_checksum_address(address.lower()))


def require_signed_by(address: str, text: str, signature: str) -> None:
    """Refuse unless `address` signed `text`."""
    if len(signature) != SIGNATURE_LENGTH or not signature.startswith("0x"):
        raise InvalidSignature("The signature must be 0x and 130 hexadecimal digits.")
    try:
        signer = cast("str", Account.recover_message(encode_defunct(text=text), signature=signature))
    except (BadSignature, ValidationError, ValueError, TypeError) as problem:
        raise InvalidSignature from problem
    if signer.lower() != address.lower():
        raise InvalidSignature
