"""Fetch and keep another service's public keys.

Between: kernel.identity (asks by kid) and JWKS_URL (auth-service's /.well-known/jwks.json).
When it asks again: after FRESH_S, and at once for a kid it does not know, but not more often than every REFETCH_S
(otherwise forged kids would turn every request into a fetch).
Invariant: keys once fetched are used as long as no newer set was fetched: an outage of the source does not sign
everybody out.
Errors: Unavailable when there are no keys at all.
Source: domain.md 2.1 (cache 5 min), 4 (rotation: old and new key together for at least 24 h).
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from audifi.kernel import encoding
from audifi.kernel.clock import Clock, SystemClock
from audifi.kernel.logs import log
from audifi.wire.problems import Unavailable

FRESH_S: Final = 300.0
REFETCH_S: Final = 10.0
_FETCH_S: Final = 3.0
RSA_BITS_MIN: Final = 2048  # NIST SP 800-131A rev. 2


class RemoteKeys:
    """The keys at a URL."""

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        self._url = url
        self._clock = clock or SystemClock()
        self._keys: dict[str, RSAPublicKey] = {}
        self._tried_s = float("-inf")
        self._fetching = asyncio.Lock()

    async def keys(self, *, refresh: bool = False) -> Mapping[str, RSAPublicKey]:
        """Return the public keys by kid."""
        age_s = self._clock.monotonic_s() - self._tried_s
        if age_s >= (REFETCH_S if refresh or not self._keys else FRESH_S):
            async with self._fetching:
                if self._clock.monotonic_s() - self._tried_s >= REFETCH_S:
                    await self._fetch()
        if not self._keys:
            raise Unavailable("no public keys yet: access tokens cannot be verified", retry_after_s=2)
        return self._keys

    async def _fetch(self) -> None:
        try:
            timeout = aiohttp.ClientTimeout(total=_FETCH_S)
            async with aiohttp.ClientSession(timeout=timeout) as session, session.get(self._url) as reply:
                reply.raise_for_status()
                self._keys = rsa_keys(msgspec.json.decode(await reply.read()))
            self._tried_s = self._clock.monotonic_s()
        except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError, ValueError) as error:
            # Without any key try again soon; with some, as if this had been a fetch.
            self._tried_s = self._clock.monotonic_s() - (0 if self._keys else REFETCH_S - 1)
            log.warning("public keys could not be fetched", url=self._url, error=error)


def rsa_keys(document: Any) -> dict[str, RSAPublicKey]:
    """Return the RSA signing keys of a JWKS by kid; keys of other kinds are left out."""
    keys: dict[str, RSAPublicKey] = {}
    for jwk in document["keys"]:
        if jwk.get("kty") != "RSA" or jwk.get("use", "sig") != "sig" or not jwk.get("kid"):
            continue
        numbers = RSAPublicNumbers(e=encoding.integer(jwk["e"]), n=encoding.integer(jwk["n"]))
        key = numbers.public_key()
        if key.key_size >= RSA_BITS_MIN:
            keys[jwk["kid"]] = key
    return keys


def rsa_jwk(kid: str, key: RSAPublicKey) -> dict[str, str]:
    """Return a public key as the JWKS shows it."""
    numbers = key.public_numbers()
    size = (key.key_size + 7) // 8
    return {
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
        "n": encoding.base64url(numbers.n.to_bytes(size, "big")),
        "e": encoding.base64url(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")),
    }  # fmt: skip
