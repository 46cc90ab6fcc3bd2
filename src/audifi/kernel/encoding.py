"""Write and read base64url without padding, strictly, as JOSE has it.

Between: kernel.identity, kernel.jwks, kernel.internal.
Errors: ValueError for anything that is not canonical.
Source: RFC 7515 section 2; RFC 4648 section 5.
"""

import base64
import re

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unbase64url(text: str) -> bytes:
    """Refuse padding, foreign characters and stray bits, so that a token has exactly one spelling."""
    if not _ALPHABET.fullmatch(text):
        raise ValueError("not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64url(data) != text:
        raise ValueError("not canonical base64url")
    return data


def integer(text: str) -> int:
    return int.from_bytes(unbase64url(text), "big")
