"""Make the key that lets a write be tried again without being done twice.

Between: sdk's areas (every write has one) and callers who keep their own, to go on after their program ended.
Shape: at most 64 characters; the same key with another body is refused (IdempotencyKeyReused).
Errors: none.
Source: domain.md 2.0 (Idempotency-Key).
"""

import secrets


def new_key() -> str:
    """A key nobody used."""
    return f"sdk_{secrets.token_hex(16)}"
