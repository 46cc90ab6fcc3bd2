"""Decide who calls: verify access tokens and internal tokens, and look sessions up."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


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


class TokenVerifier:
    """Verify access tokens: RS256 only, kid known, iss, aud, exp with 30 s skew."""

    def __init__(self, *, issuer: str, audience: str, source: KeySource) -> None: ...

    async def verify(self, token: str) -> Principal:
        """Return who the token speaks for; raise Unauthorized (the same message for every reason)."""
        raise NotImplementedError


class InternalTokens:
    """Mint and verify 60-second tokens between services."""

    def __init__(self, *, service: str, signing_key_jwk: str, caller_keys_jwks: str) -> None: ...

    def mint(self, audience: str) -> str:
        """Return a token with which `audience` believes that we call (cached for half its life)."""
        raise NotImplementedError

    def verify(self, token: str) -> str:
        """Return the calling component, or raise Unauthorized."""
        raise NotImplementedError
