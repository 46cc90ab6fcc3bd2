"""Let services prove to each other which component calls, with tokens that live a minute.

Between: clients of other services (mint) and kernel.http.admit (verifies for Access.SERVICE).
Shape: a compact JWS, EdDSA (Ed25519); iss = calling component, aud = called component, iat, exp = iat + 60, jti.
The key id is `internal-` and the component's name, optionally `/` and a serial: a key can only speak for its owner.
Errors: Unauthorized when verifying; ValueError at start for keys that are none.
Source: domain.md 2.0 "Identity to services"; RFC 8037 (Ed25519 in JOSE).
"""

from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audifi.kernel.clock import Clock, SystemClock
from audifi.kernel.crypto import new_token
from audifi.kernel.encoding import base64url, unbase64url
from audifi.wire.problems import Unauthorized

LIFE_S: Final = 60
SKEW_S: Final = 5  # between pods of one cluster, not between us and users
_TOKEN_CHARS_MAX: Final = 1024


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    alg: str
    kid: str
    typ: str = "JWT"


class _Claims(msgspec.Struct, forbid_unknown_fields=True):
    iss: str
    aud: str
    iat: int
    exp: int
    jti: str


class InternalTokens:
    """Mint and verify 60-second tokens between services."""

    def __init__(
        self, *, service: str, signing_key_jwk: str, caller_keys_jwks: str, clock: Clock | None = None
    ) -> None:
        self._service = service
        self._clock = clock or SystemClock()
        jwk = msgspec.json.decode(signing_key_jwk)
        self._kid = str(jwk.get("kid", f"internal-{service}"))
        self._key = Ed25519PrivateKey.from_private_bytes(unbase64url(jwk["d"]))
        self._callers = {key["kid"]: _public(key) for key in msgspec.json.decode(caller_keys_jwks)["keys"]}
        self._minted: dict[str, tuple[float, str]] = {}

    def mint(self, audience: str) -> str:
        """Return a token with which `audience` believes that we call (cached for half its life)."""
        now_s = self._clock.now_s()
        until_s, token = self._minted.get(audience, (0.0, ""))
        if now_s < until_s:
            return token
        claims = _Claims(self._service, audience, int(now_s), int(now_s) + LIFE_S, new_token(12))
        signed = f"{_part(_Header('EdDSA', self._kid))}.{_part(claims)}"
        token = f"{signed}.{base64url(self._key.sign(signed.encode()))}"
        self._minted[audience] = (now_s + LIFE_S / 2, token)
        return token

    def verify(self, token: str) -> str:
        """Return the calling component, or raise Unauthorized."""
        try:
            return self._verified(token)
        except (ValueError, msgspec.MsgspecError, InvalidSignature):
            raise Unauthorized("A valid internal token is required.") from None

    def _verified(self, token: str) -> str:
        if len(token) > _TOKEN_CHARS_MAX or token.count(".") != 2:
            raise ValueError("not a compact JWS")
        head, payload, signature = token.split(".")
        header = msgspec.json.decode(unbase64url(head), type=_Header)
        key = self._callers.get(header.kid)
        if header.alg != "EdDSA" or key is None:
            raise ValueError("unknown key")
        key.verify(unbase64url(signature), f"{head}.{payload}".encode())
        claims = msgspec.json.decode(unbase64url(payload), type=_Claims)
        now_s = self._clock.now_s()
        if claims.iss != header.kid.removeprefix("internal-").partition("/")[0] or claims.aud != self._service:
            raise ValueError("for somebody else")
        if not claims.iat - SKEW_S <= now_s < claims.exp + SKEW_S or claims.exp - claims.iat > LIFE_S:
            raise ValueError("not now")
        return claims.iss


def _part(value: msgspec.Struct) -> str:
    return base64url(msgspec.json.encode(value))


def _public(jwk: dict[str, Any]) -> Ed25519PublicKey:
    if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519":
        raise ValueError(f"INTERNAL_CALLER_KEYS: {jwk.get('kid')} is no Ed25519 key")
    return Ed25519PublicKey.from_public_bytes(unbase64url(jwk["x"]))
