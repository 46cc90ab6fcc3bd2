"""Judge a proof that someone controls a wallet: the text they signed, field by field.

Between: routes.wallets, clients of the wallet (sign what `message` returns, or their own text with the same fields),
proofs (recovers the signer).

    app.audifi.io wants you to sign in with your Ethereum account:
    0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed

    Link this wallet to your AudiFi account.

    URI: https://app.audifi.io
    Version: 1
    Chain ID: 1
    Nonce: 7f1c9a52d0e84be1
    Issued At: 2026-11-23T01:00:00.000Z
    Expiration Time: 2026-11-23T01:05:00.000Z

Invariant: a proof is bound to our domain, one address, one chain and one nonce; none of it can be used elsewhere.
Why our own parser: the library does not import beside its grammar engine's release and drags in a chain client; the
grammar is eleven lines (docs/decisions/0036-own-wallet-proof-parser.md).
Units: seconds.
Errors: InvalidSignature (wrong text), NonceInvalid is the caller's.
Source: EIP-4361 (ABNF of the message), EIP-55 (checksum), domain.md 4.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from audifi.services.auth.errors import Invalid, InvalidSignature

CHAINS: Final = {1: "Ethereum", 137: "Polygon", 8453: "Base", 11155111: "Sepolia", 80002: "Amoy", 84532: "Base Sepolia"}
LOCAL_CHAINS: Final = {31337: "Local"}
NONCE_S: Final = 300
SKEW_S: Final = 30
STATEMENT: Final = "Link this wallet to your AudiFi account."

_ADDRESS: Final = re.compile(r"^0x[0-9a-fA-F]{40}$")
_MESSAGE: Final = re.compile(
    r"^(?:(?P<scheme>https?)://)?(?P<domain>[^/?#\s]+) wants you to sign in with your Ethereum account:\n"
    r"(?P<address>0x[0-9a-fA-F]{40})\n\n"
    r"(?:(?P<statement>[^\n]+)\n)?\n"
    r"URI: (?P<uri>[^\n]+)\n"
    r"Version: (?P<version>1)\n"
    r"Chain ID: (?P<chain_id>[0-9]{1,9})\n"
    r"Nonce: (?P<nonce>[a-zA-Z0-9]{8,64})\n"
    r"Issued At: (?P<issued_at>[^\n]+)"
    r"(?:\nExpiration Time: (?P<expires_at>[^\n]+))?"
    r"(?:\nNot Before: (?P<not_before>[^\n]+))?"
    r"(?:\nRequest ID: (?P<request_id>[^\n]*))?"
    r"(?:\nResources:(?P<resources>(?:\n- [^\n]+)*))?$",
    re.ASCII,
)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a signed message says; `address` as written, times in UTC."""

    domain: str
    address: str
    uri: str
    chain_id: int
    nonce: str
    issued_at: datetime
    expires_at: datetime | None
    not_before: datetime | None


def require_chain(chain_id: int, *, is_local: bool) -> None:
    """Refuse chains AudiFi does not run on. Solana and the dead test networks are out (domain.md 9.48)."""
    if chain_id in CHAINS or (is_local and chain_id in LOCAL_CHAINS):
        return
    raise Invalid(details={"chainId": f"must be one of {', '.join(map(str, CHAINS))}"})


def has_address_form(address: str) -> bool:
    """Say whether this is 20 bytes in hexadecimal; the checksum is `proofs`' business."""
    return _ADDRESS.fullmatch(address) is not None


def message(*, domain: str, uri: str, address: str, chain_id: int, nonce: str, now: datetime) -> str:
    """Return the text to be signed; `address` must carry its checksum, wallets refuse it otherwise."""
    return (
        f"{domain} wants you to sign in with your Ethereum account:\n{address}\n\n{STATEMENT}\n\n"
        f"URI: {uri}\nVersion: 1\nChain ID: {chain_id}\nNonce: {nonce}\n"
        f"Issued At: {_text(now)}\nExpiration Time: {_text(now + timedelta(seconds=NONCE_S))}"
    )


def claim(text: str) -> Claim:
    """Read a signed message, or refuse it as no proof at all."""
    found = _MESSAGE.fullmatch(text) if len(text) <= 4096 else None
    if found is None:
        raise InvalidSignature("The message is not an EIP-4361 sign-in message.")
    issued_at = _time(found["issued_at"])
    if issued_at is None:
        raise InvalidSignature("The message has no readable Issued At.")
    return Claim(
        domain=found["domain"],
        address=found["address"],
        uri=found["uri"],
        chain_id=int(found["chain_id"]),
        nonce=found["nonce"],
        issued_at=issued_at,
        expires_at=_bound(found["expires_at"], "Expiration Time"),
        not_before=_bound(found["not_before"], "Not Before"),
    )


def require_claim_fits(proof: Claim, *, domain: str, uri: str, address: str, chain_id: int, now: datetime) -> None:
    """Refuse a message that was meant for another site, wallet, chain or time."""
    skew = timedelta(seconds=SKEW_S)
    wrong = [
        name
        for name, fits in (
            ("domain", proof.domain == domain),
            ("URI", proof.uri == uri or proof.uri.startswith(f"{uri}/")),
            ("address", proof.address.lower() == address.lower()),
            ("Chain ID", proof.chain_id == chain_id),
            ("Issued At", now - timedelta(seconds=NONCE_S) - skew <= proof.issued_at <= now + skew),
            ("Expiration Time", proof.expires_at is None or now < proof.expires_at),
            ("Not Before", proof.not_before is None or now + skew >= proof.not_before),
        )
        if not fits
    ]
    if wrong:
        raise InvalidSignature(f"The signed message does not fit: {', '.join(wrong)}.")


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time(raw: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(raw)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def _bound(raw: str | None, name: str) -> datetime | None:
    if raw is None:
        return None
    at = _time(raw)
    if at is None:
        raise InvalidSignature(f"The message has no readable {name}.")
    return at
