"""Decide for whom an access token speaks: RS256 and nothing else, every claim checked.

Between: kernel.http.admit (verifies each request's token) and a KeySource (JWKS, or auth-service's own table).

What is checked, in this order: three parts, canonical base64url; header exactly alg RS256, typ JWT if present, a known
kid, no `crit`; signature; iss, aud, exp and nbf and iat (30 s skew); the claims have their types.
Why not a library's decode: the algorithm must never come from the token, and the few lines are easier to prove.
The signature itself is the `cryptography` package's.
A verified token is remembered by its text until it expires (at most REMEMBERED_MAX): verification costs 30-60 µs, the
second look 1 µs. Revocation is not affected: it is looked up per request (kernel.sessions).
Invariant: every failure looks the same to the caller.
Errors: Unauthorized; Unavailable when no key was ever fetched.
Source: RFC 7515, RFC 7519, RFC 8725 (best current practices); domain.md 4 "Access token".
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec import UNSET, UnsetType

from audifi.kernel.clock import Clock, SystemClock
from audifi.kernel.encoding import unbase64url
from audifi.kernel.metrics import counter
from audifi.wire import metrics
from audifi.wire.problems import Unauthorized

SKEW_S: Final = 30
TOKEN_CHARS_MAX: Final = 4096
REMEMBERED_MAX: Final = 20_000
ALGORITHM: Final = "RS256"


class Mfa(Enum):
    """The state of the second factor in this session (claim `mfa`, and field `mfa` of the session record)."""

    NONE = "none"  # no factor enrolled
    ENROLLED = "enrolled"  # enrolled, not used in this session
    PASSED = "passed"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who an access token speaks for."""

    user_id: str
    roles: frozenset[str]
    session_id: str
    mfa: Mfa
    plan: str
    wallet: str | None
    token_id: str
    expires_s: int


class KeySource(Protocol):
    """Where public keys come from: a JWKS URL, or auth-service's own table."""

    async def keys(self, *, refresh: bool = False) -> Mapping[str, RSAPublicKey]:
        """Return the public keys by kid; `refresh`: an unknown kid was seen, look again now."""
        ...


class Claims(msgspec.Struct, kw_only=True):
    """The claims of an access token. auth-service mints tokens from this same struct."""

    iss: str
    aud: str
    sub: str
    sid: str
    jti: str
    iat: int
    exp: int
    roles: tuple[str, ...]
    mfa: Mfa
    plan: str = "free"
    wallet: str | None = None
    amr: tuple[str, ...] = ()
    nbf: int | UnsetType = UNSET  # absent, never null: RFC 7519 4.1.5, and other verifiers refuse null


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    alg: str
    kid: str
    typ: str = "JWT"


_headers = msgspec.json.Decoder(_Header)
_claims = msgspec.json.Decoder(Claims)


class TokenVerifier:
    """Verify access tokens: RS256 only, kid known, iss, aud, exp with 30 s skew."""

    def __init__(self, *, issuer: str, audience: str, source: KeySource, clock: Clock | None = None) -> None:
        self._issuer = issuer
        self._audience = audience
        self._source = source
        self._clock = clock or SystemClock()
        self._remembered: OrderedDict[str, Principal] = OrderedDict()
        self._good = counter(metrics.TOKEN_VERIFICATIONS).labels("valid")
        self._bad = counter(metrics.TOKEN_VERIFICATIONS).labels("invalid")

    async def verify(self, token: str) -> Principal:
        """Return who the token speaks for; raise Unauthorized (the same message for every reason)."""
        remembered = self._remembered.get(token)
        if remembered is not None and self._clock.now_s() < remembered.expires_s + SKEW_S:
            return remembered
        try:
            principal = await self._verified(token)
        except (ValueError, msgspec.MsgspecError, InvalidSignature):
            self._bad.inc()
            raise Unauthorized from None
        self._good.inc()
        self._remembered[token] = principal
        if len(self._remembered) > REMEMBERED_MAX:
            self._remembered.popitem(last=False)
        return principal

    def forget(self) -> None:
        """Forget verified tokens, because a key was withdrawn."""
        self._remembered.clear()

    async def _verified(self, token: str) -> Principal:
        if len(token) > TOKEN_CHARS_MAX or token.count(".") != 2:
            raise ValueError("not a compact JWS")
        head, payload, signature = token.split(".")
        header = _headers.decode(unbase64url(head))
        if header.alg != ALGORITHM or header.typ.upper() not in ("JWT", "AT+JWT"):
            raise ValueError("another kind of token")
        key = await self._key(header.kid)
        key.verify(unbase64url(signature), f"{head}.{payload}".encode(), PKCS1v15(), SHA256())
        claims = _claims.decode(unbase64url(payload))
        self._check(claims)
        return _principal(claims)

    async def _key(self, kid: str) -> RSAPublicKey:
        key = (await self._source.keys()).get(kid)
        if key is None:
            key = (await self._source.keys(refresh=True)).get(kid)
        if key is None:
            raise ValueError("unknown kid")
        return key

    def _check(self, claims: Claims) -> None:
        now_s = self._clock.now_s()
        if claims.iss != self._issuer or claims.aud != self._audience:
            raise ValueError("for somebody else")
        if now_s >= claims.exp + SKEW_S or claims.iat > now_s + SKEW_S:
            raise ValueError("not now")
        if claims.nbf is not UNSET and claims.nbf > now_s + SKEW_S:
            raise ValueError("not now")
        if not claims.sub or not claims.sid or not claims.jti:
            raise ValueError("nobody")


def _principal(claims: Claims) -> Principal:
    return Principal(
        user_id=claims.sub,
        roles=frozenset(claims.roles),
        session_id=claims.sid,
        mfa=claims.mfa,
        plan=claims.plan,
        wallet=claims.wallet,
        token_id=claims.jti,
        expires_s=claims.exp,
    )
