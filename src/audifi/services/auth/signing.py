"""Hold the keys that sign access tokens, publish them ahead of use, and mint tokens.

Between: store.keys (where they live), routes (mint, publish, rotate), kernel.identity (verifies with `keys()`).

Why publish ahead: verifiers cache the key set for five minutes and pods reload it once a minute, so a key that signed
the moment it exists would be unknown somewhere. A new key is therefore public for PUBLISH_AHEAD_S before it signs.
Why an overlap: a retired key stays public OVERLAP_S, far longer than the 15 minutes of the last token it signed, so a
verifier with a stale cache, or a rotation that must be undone, breaks nothing.
When it acts by itself: `tend` rotates a key older than ROTATE_AFTER_S.
Invariant: of any number of pods starting at once, one creates the first key (advisory lock, then look, then insert).
Units: seconds.
Errors: Unavailable while no key could be loaded; crypto.Unsealable is a bug of configuration (keys were taken away).
Source: domain.md 4 (RS256, 15 min, two keys in JWKS, overlap at least 24 h, JWT keys 365 days); RFC 7517, RFC 7638.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from audifi.kernel import jwks
from audifi.kernel.clock import Clock
from audifi.kernel.connection import Connection
from audifi.kernel.crypto import Keyring
from audifi.kernel.database import Database
from audifi.kernel.encoding import base64url
from audifi.kernel.identity import Claims, Mfa
from audifi.kernel.ids import new_id
from audifi.services.auth.errors import Unavailable
from audifi.services.auth.store import keys as store
from audifi.services.auth.store.keys import SigningKey
from audifi.services.auth.store.users import User

ACCESS_S: Final = 15 * 60
PUBLISH_AHEAD_S: Final = 10 * 60  # > JWKS cache 5 min + RELOAD_S + clock skew 30 s
OVERLAP_S: Final = 24 * 3600
ROTATE_AFTER_S: Final = 365 * 24 * 3600
RELOAD_S: Final = 60
KEY_BITS: Final = 2048  # NIST SP 800-57 part 1 rev. 5 table 2: enough until 2030; each size step triples signing cost


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A key with its halves opened."""

    row: SigningKey
    private: RSAPrivateKey
    public: RSAPublicKey


class SigningKeys:
    """The key set as this pod knows it."""

    def __init__(self, *, database: Database, seal: Keyring, clock: Clock, issuer: str, audience: str) -> None:
        self._database = database
        self._seal = seal
        self._clock = clock
        self._issuer = issuer
        self._audience = audience
        self._loaded: tuple[Loaded, ...] = ()

    async def keys(self, *, refresh: bool = False) -> Mapping[str, RSAPublicKey]:
        """Return the public keys by kid; `refresh` looks into the table, where another pod may have added one."""
        if refresh or not self._loaded:
            await self.reload()
        return {key.row.kid: key.public for key in self._loaded}

    async def document(self) -> list[dict[str, Any]]:
        """Return the public key set (JWKS), newest first."""
        if not self._loaded:
            await self.reload()
        return [key.row.public_jwk for key in self._loaded]

    async def ready(self) -> None:
        """Raise Unavailable unless this pod can sign."""
        if not self._loaded:
            await self.reload()

    async def reload(self) -> None:
        """Read the table, creating the first key if there is none."""
        async with self._database.read_primary() as connection:
            rows = await store.published(connection, self._clock.now())
        if not _current(rows, self._clock.now()):
            rows = await self._create_first()
        known = {key.row.kid: key for key in self._loaded}
        self._loaded = tuple(
            Loaded(row=row, private=known[row.kid].private, public=known[row.kid].public)
            if row.kid in known
            else self._opened(row)
            for row in rows
        )

    async def rotate(self, tx: Connection) -> SigningKey:
        """Add a key that will sign soon and let the others retire then. The caller reloads after the commit."""
        now = self._clock.now()
        fresh = await self._generated(created_at=now, activates_at=now + timedelta(seconds=PUBLISH_AHEAD_S))
        await store.lock(tx)
        await store.insert(tx, fresh)
        retires_at = fresh.activates_at
        expires_at = retires_at + timedelta(seconds=OVERLAP_S)
        await store.retire_others(tx, kid=fresh.kid, retires_at=retires_at, expires_at=expires_at)
        return fresh

    async def tend(self) -> None:
        """Keep the key set fresh for ever: reload, forget expired keys, rotate old ones."""
        while True:
            await asyncio.sleep(RELOAD_S)
            await self.reload()
            if self._is_rotation_due():
                async with self._database.transaction() as tx:
                    await store.lock(tx)
                    rows = await store.published(tx, self._clock.now())
                    if _is_old(rows, self._clock.now()):
                        await self.rotate(tx)
                    await store.purge(tx, self._clock.now())
                await self.reload()

    def mint(self, user: User, *, session_id: str, mfa: Mfa) -> str:
        """Return an access token for this session. No address of any kind but the primary wallet is in it."""
        now = self._clock.now()
        signer = _current([key.row for key in self._loaded], now)
        if signer is None:
            raise Unavailable("No signing key is loaded yet; try again shortly.")
        key = next(key for key in self._loaded if key.row.kid == signer.kid)
        issued_s = int(now.timestamp())
        claims = Claims(
            iss=self._issuer,
            aud=self._audience,
            sub=user.id,
            sid=session_id,
            jti=str(new_id()),
            roles=user.roles,
            plan=user.plan,
            wallet=user.primary_wallet,
            mfa=mfa,
            amr=("mail", "otp") if mfa is Mfa.PASSED else ("mail",),
            iat=issued_s,
            exp=issued_s + ACCESS_S,
        )
        head = base64url(msgspec.json.encode({"alg": "RS256", "typ": "JWT", "kid": key.row.kid}))
        signed = f"{head}.{base64url(msgspec.json.encode(claims))}"
        return f"{signed}.{base64url(key.private.sign(signed.encode(), PKCS1v15(), SHA256()))}"

    def _is_rotation_due(self) -> bool:
        return _is_old([key.row for key in self._loaded], self._clock.now())

    async def _create_first(self) -> list[SigningKey]:
        born = self._clock.now()
        fresh = await self._generated(created_at=born, activates_at=born)
        async with self._database.transaction() as tx:
            await store.lock(tx)
            # The time after the lock: another pod's key may have become active while we looked for primes.
            now = self._clock.now()
            rows = await store.published(tx, now)
            if _current(rows, now):
                return rows
            await store.insert(tx, fresh)
            return await store.published(tx, now)

    async def _generated(self, *, created_at: datetime, activates_at: datetime) -> SigningKey:
        # Finding primes takes 50-500 ms of CPU: off the loop, or every request of the pod would wait.
        private = await asyncio.to_thread(rsa.generate_private_key, public_exponent=65537, key_size=KEY_BITS)
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        kid = thumbprint(private.public_key())
        return SigningKey(
            kid=kid,
            public_jwk=jwks.rsa_jwk(kid, private.public_key()),
            private_enc=self._seal.seal(pem, context=f"signing_keys/{kid}"),
            created_at=created_at,
            activates_at=activates_at,
            retires_at=None,
            expires_at=None,
        )

    def _opened(self, row: SigningKey) -> Loaded:
        pem = self._seal.open(row.private_enc, context=f"signing_keys/{row.kid}")
        private = cast("RSAPrivateKey", serialization.load_pem_private_key(pem, password=None))
        return Loaded(row=row, private=private, public=private.public_key())


def thumbprint(key: RSAPublicKey) -> str:
    """Return the key's id: it follows from the key, so two keys cannot share one. Source: RFC 7638 section 3."""
    jwk = jwks.rsa_jwk("", key)
    canonical = msgspec.json.encode({name: jwk[name] for name in ("e", "kty", "n")})
    return base64url(hashlib.sha256(canonical).digest())


def _current(rows: Sequence[SigningKey], now: datetime) -> SigningKey | None:
    """Return the key that signs now: the newest that is active and not retired."""
    active = [row for row in rows if row.activates_at <= now and (row.retires_at is None or now < row.retires_at)]
    return max(active, key=lambda row: row.activates_at, default=None)


def _is_old(rows: Sequence[SigningKey], now: datetime) -> bool:
    newest = max((row.created_at for row in rows), default=now)
    return now - newest >= timedelta(seconds=ROTATE_AFTER_S)
