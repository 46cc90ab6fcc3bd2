"""Encrypt at rest, hash tokens and compare secrets; nothing of it is our own cryptography.

Between: stores (columns *_enc, *_hash) and the `cryptography` package.
Shape: a sealed value is `kid.base64url(nonce || ciphertext || tag)`; kid names the key, so keys can be rotated.
Invariant: the additional data (which row, which column) is authenticated: a value moved elsewhere does not open.
Errors: `Unsealable` when the key is unknown or the value was changed.
Source: domain.md 4 (AES-256-GCM with key ids); NIST SP 800-38D section 8.2.2 (96-bit random nonces, < 2^32 per key).
"""

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audifi.kernel.settings import Secret

_NONCE_BYTES = 12
_KEY_BYTES = 32


class Unsealable(Exception):
    """A sealed value cannot be opened."""


class Keyring:
    """The encryption keys of a service: the first seals, all open."""

    def __init__(self, keys: Secret) -> None:
        """Take the value of ENCRYPTION_KEYS: `kid:base64,kid:base64`."""
        self._keys: dict[str, AESGCM] = {}
        for entry in keys.reveal().split(","):
            kid, separator, text = entry.strip().partition(":")
            key = _decoded(text)
            if not separator or not kid or "." in kid or len(key) != _KEY_BYTES:
                raise ValueError(f"ENCRYPTION_KEYS: entry {kid!r} is not kid:base64 of {_KEY_BYTES} bytes")
            self._keys[kid] = AESGCM(key)
        self.current = next(iter(self._keys))

    def seal(self, plain: bytes, *, context: str) -> str:
        """Encrypt; `context` says where the value belongs, e.g. f"mfa_methods/{user_id}"."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._keys[self.current].encrypt(nonce, plain, context.encode())
        return f"{self.current}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, *, context: str) -> bytes:
        """Decrypt, or raise Unsealable."""
        kid, _, text = sealed.partition(".")
        key, data = self._keys.get(kid), _decoded(text)
        if key is None:
            raise Unsealable(f"no key with id {kid!r} in ENCRYPTION_KEYS")
        try:
            return key.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError) as error:
            raise Unsealable(f"value sealed with {kid!r} was changed, or belongs elsewhere than {context!r}") from error

    def is_current(self, sealed: str) -> bool:
        """Say whether the value is sealed with the newest key (else: seal it again)."""
        return sealed.startswith(self.current + ".")


def new_token(size_bytes: int = 32) -> str:
    """Return a random token, base64url without padding."""
    return base64.urlsafe_b64encode(os.urandom(size_bytes)).rstrip(b"=").decode()


def token_hash(token: str) -> bytes:
    """Return what is stored instead of a random token (SHA-256; a token has enough entropy to need no salt)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def same(left: str | bytes, right: str | bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(_bytes(left), _bytes(right))


def _bytes(value: str | bytes) -> bytes:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""
