"""Link wallets by proof of control, take them back, choose the primary one.

Between: the gateway (/auth/wallet/…, /user/wallet/…), Redis (nonces), proofs, store.wallets, letters.

Invariant: a nonce is taken out of Redis by the one link attempt that uses it (GETDEL), before anything else is judged:
a signature that failed once cannot be tried again under the same nonce. (address, chain) has one owner: the database's
unique key decides races between users.
Units: seconds.
Errors: InvalidSignature, NonceInvalid, WalletAlreadyLinked, NotFound, MfaRequired, InvalidToken (cancel link).
Source: domain.md 2.1, 4 "Wallet linking"; EIP-4361.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import msgspec

from audifi.kernel import crypto
from audifi.kernel.clock import iso
from audifi.kernel.connection import Connection
from audifi.kernel.http import Access, Body, Operation, Reply, StepUp
from audifi.kernel.ids import new_id
from audifi.services.auth import journal, letters, proofs
from audifi.services.auth.errors import (
    InvalidSignature,
    InvalidToken,
    MfaRequired,
    NonceInvalid,
    NotFound,
    WalletAlreadyLinked,
)
from audifi.services.auth.journal import Deed
from audifi.services.auth.parts import AuthCall
from audifi.services.auth.routes import limits
from audifi.services.auth.routes.fields import Address, AddressPath, ChainId, ShortLine, Signature, SignedText, Token
from audifi.services.auth.routes.replies import MessageReply, WalletReply, wallet_reply
from audifi.services.auth.rules import wallets as rules
from audifi.services.auth.store import links, users
from audifi.services.auth.store import wallets as store
from audifi.services.auth.store.links import Cancellation
from audifi.services.auth.store.users import User
from audifi.services.auth.store.wallets import Wallet
from audifi.wire import channels
from audifi.wire.events.auth import WalletLinked, WalletUnlinked


class WalletBody(Body):
    """An address on a chain."""

    address: Address
    chain_id: ChainId


class LinkBody(Body):
    """An address on a chain, and the proof that the caller controls it."""

    address: Address
    chain_id: ChainId
    message: SignedText
    signature: Signature
    label: ShortLine | None = None


class ChainQuery(Body):
    """On which chain."""

    chain_id: ChainId


class CancelBody(Body):
    """The token of the notice mail's cancel link."""

    token: Token


class NonceReply(Reply):
    """The message to be signed."""

    nonce: str
    message: str
    expires_at: str


class Issued(msgspec.Struct):
    """What Redis keeps under a nonce: for whom it was made."""

    user_id: str
    address: str
    chain_id: int


async def nonce(call: AuthCall, body: WalletBody) -> NonceReply:
    """Make the message a wallet has to sign."""
    parts, settings, now = call.deps, call.deps.settings, call.deps.clock.now()
    address = proofs.checksummed(body.address)
    rules.require_chain(body.chain_id, is_local=settings.environment == "local")
    value = crypto.new_token(18).replace("-", "0").replace("_", "1")  # EIP-4361 nonces are alphanumeric
    issued = Issued(call.user().user_id, address.lower(), body.chain_id)
    await parts.cache.set(channels.siwe_nonce(value), msgspec.json.encode(issued), ttl_s=rules.NONCE_S)
    text = rules.message(
        domain=settings.app_domain,
        uri=settings.app_origin,
        address=address,
        chain_id=body.chain_id,
        nonce=value,
        now=now,
    )
    return NonceReply(nonce=value, message=text, expires_at=iso(now + timedelta(seconds=rules.NONCE_S)))


async def link(call: AuthCall, body: LinkBody) -> list[WalletReply]:
    """Link a wallet whose control was proven."""
    user_id = call.user().user_id
    await _require_proof(call, body)
    address = body.address.lower()
    async with call.deps.database.transaction() as tx:
        user = await _locked_user(tx, call)
        await _link(tx, call, user, body)
        linked = await store.of_user(tx, user_id)
        after = {"address": address, "chainId": body.chain_id}
        await journal.audited(tx, call, _deed("wallet.linked", user_id, after=after))
    call.deps.postman.wake()
    return [wallet_reply(wallet) for wallet in linked]


async def _require_proof(call: AuthCall, body: LinkBody) -> None:
    settings, user_id = call.deps.settings, call.user().user_id
    proofs.checksummed(body.address)
    rules.require_chain(body.chain_id, is_local=settings.environment == "local")
    claim = rules.claim(body.message)
    stored = await call.deps.cache.take(channels.siwe_nonce(claim.nonce))
    if stored is None or msgspec.json.decode(stored, type=Issued) != Issued(
        user_id, body.address.lower(), body.chain_id
    ):
        raise NonceInvalid
    rules.require_claim_fits(
        claim,
        domain=settings.app_domain,
        uri=settings.app_origin,
        address=body.address,
        chain_id=body.chain_id,
        now=call.deps.clock.now(),
    )
    proofs.require_signed_by(body.address, body.message, body.signature)


async def _link(tx: Connection, call: AuthCall, user: User, body: LinkBody) -> None:
    parts, now, address = call.deps, call.deps.clock.now(), body.address.lower()
    payout_at = now + timedelta(seconds=call.deps.settings.payout_grace_s)
    is_linked = await store.link(
        tx,
        wallet_id=str(new_id()),
        user_id=user.id,
        address=address,
        chain_id=body.chain_id,
        label=body.label,
        now=now,
        payout_at=payout_at,
    )
    if not is_linked:
        raise WalletAlreadyLinked
    token = crypto.new_token()
    await links.insert_cancellation(
        tx, crypto.token_hash(token), Cancellation(user.id, address, body.chain_id), payout_at
    )
    notice = letters.wallet_linked(
        to=user.email,
        app_origin=parts.settings.app_origin,
        wallet=_shown(address, body.chain_id),
        token=token,
        payout_at=payout_at,
        origin=journal.origin(call),
    )
    await letters.promise(tx, notice, seal=parts.seal, now=now)
    await journal.noticed(tx, call, "user.wallet.linked", "medium", user_id=user.id, chain_id=body.chain_id)
    event = WalletLinked(user_id=user.id, address=address, chain_id=body.chain_id, payout_enabled_at=payout_at)
    await journal.announce(tx, event, user.id, actor_id=user.id)


async def unlink(call: AuthCall, query: ChainQuery) -> list[WalletReply]:
    """Forget a wallet; the oldest other becomes primary if it was."""
    address = proofs.checksummed(call.parameters.address).lower()
    async with call.deps.database.transaction() as tx:
        user = await _locked_user(tx, call)
        if not await store.unlink(tx, user_id=user.id, address=address, chain_id=query.chain_id):
            raise NotFound
        remaining = await store.of_user(tx, user.id)
        await _unlinked(tx, call, user, Cancellation(user.id, address, query.chain_id))
    call.deps.postman.wake()
    return [wallet_reply(wallet) for wallet in remaining]


async def cancel(call: AuthCall, body: CancelBody) -> MessageReply:
    """Take a freshly linked wallet back by the link in its notice mail; no sign-in needed."""
    now = call.deps.clock.now()
    async with call.deps.database.transaction() as tx:
        cancelled = await links.consume_cancellation(tx, crypto.token_hash(body.token), now)
        user = None if cancelled is None else await users.user(tx, cancelled.user_id, now)
        if cancelled is None or user is None:
            raise InvalidToken
        await users.lock(tx, user.id)
        if await store.unlink(tx, user_id=user.id, address=cancelled.address, chain_id=cancelled.chain_id):
            await _unlinked(tx, call, user, cancelled, by_mail=True)
    call.deps.postman.wake()
    return MessageReply(message="The wallet is no longer linked.")


async def _unlinked(tx: Connection, call: AuthCall, user: User, gone: Cancellation, *, by_mail: bool = False) -> None:
    shown = _shown(gone.address, gone.chain_id)
    await _notify(tx, call, user, f"The wallet {shown} was removed from your account.")
    await journal.noticed(tx, call, "user.wallet.unlinked", "medium", user_id=user.id, chain_id=gone.chain_id)
    event = WalletUnlinked(user_id=user.id, address=gone.address, chain_id=gone.chain_id)
    await journal.announce(tx, event, user.id, actor_id=user.id)
    before = {"address": gone.address, "chainId": gone.chain_id, "byMail": by_mail}
    await journal.audited(tx, call, _deed("wallet.unlinked", user.id, before=before))


async def make_primary(call: AuthCall, body: WalletBody) -> list[WalletReply]:
    """Choose the wallet that the access token names from the next refresh on."""
    address = proofs.checksummed(body.address).lower()
    async with call.deps.database.transaction() as tx:
        user = await _locked_user(tx, call)
        before = _primary(await store.of_user(tx, user.id))
        if not await store.make_primary(tx, user_id=user.id, address=address, chain_id=body.chain_id):
            raise NotFound
        linked = await store.of_user(tx, user.id)
        if before != _primary(linked):
            await _notify(tx, call, user, f"The wallet {_shown(address, body.chain_id)} is now your primary one.")
            after = _primary(linked)
            await journal.audited(tx, call, _deed("wallet.primary_changed", user.id, before=before, after=after))
    call.deps.postman.wake()
    return [wallet_reply(wallet) for wallet in linked]


async def wallets(call: AuthCall) -> list[WalletReply]:
    """Return the caller's wallets, the primary first."""
    async with call.deps.database.read_primary() as connection:
        return [wallet_reply(wallet) for wallet in await store.of_user(connection, call.user().user_id)]


async def _notify(tx: Connection, call: AuthCall, user: User, change: str) -> None:
    parts = call.deps
    notice = letters.wallet_changed(
        to=user.email, app_origin=parts.settings.app_origin, change=change, origin=journal.origin(call)
    )
    await letters.promise(tx, notice, seal=parts.seal, now=parts.clock.now())


async def _locked_user(tx: Connection, call: AuthCall) -> User:
    user_id = call.user().user_id
    await users.lock(tx, user_id)
    user = await users.user(tx, user_id, call.deps.clock.now())
    if user is None:
        raise NotFound
    return user


def _primary(linked: list[Wallet]) -> Mapping[str, Any]:
    primaries = [{"address": wallet.address, "chainId": wallet.chain_id} for wallet in linked if wallet.is_primary]
    return primaries[0] if primaries else {}


def _shown(address: str, chain_id: int) -> str:
    checksummed = proofs.checksummed(address)
    return f"{checksummed[:6]}…{checksummed[-4:]} on {rules.CHAINS.get(chain_id, f'chain {chain_id}')}"


def _deed(
    action: str, user_id: str, *, before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None
) -> Deed:
    return Deed(
        action=action, category="authentication", target_type="user", target_id=user_id, before=before, after=after,
        actor_id=user_id,
    )  # fmt: skip


_TAG: Final = "wallets"
_LINK: Final = Operation(
    method="POST", path="/auth/wallet/link", handler=link, summary="Link a wallet by its signature", tag=_TAG,
    access=Access.USER, body=LinkBody, reply=list[WalletReply], limits=(limits.AUTH_POST,),
    errors=(InvalidSignature, NonceInvalid, WalletAlreadyLinked, NotFound),
    example={
        "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "chainId": 1,
        "message": "app.audifi.io wants you to sign in with your Ethereum account:\n0x5aAe…BeAed\n\n…",
        "signature": "0x" + "1b" * 65,
    },
)  # fmt: skip

OPERATIONS: Final = (
    Operation(
        method="POST", path="/auth/wallet/nonce", handler=nonce, summary="Get the message a wallet has to sign",
        tag=_TAG, access=Access.USER, body=WalletBody, reply=NonceReply, limits=(limits.AUTH_POST,),
        example={"address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "chainId": 1},
    ),
    _LINK,
    replace(_LINK, path="/user/wallet", summary="Link a wallet by its signature (alias)", limits=()),
    Operation(
        method="GET", path="/user/wallet", handler=wallets, summary="List linked wallets", tag=_TAG, access=Access.USER,
        reply=list[WalletReply],
    ),
    Operation(
        method="POST", path="/user/wallet/primary", handler=make_primary, summary="Choose the primary wallet", tag=_TAG,
        access=Access.USER, step_up=StepUp.IF_ENROLLED, body=WalletBody, reply=list[WalletReply],
        errors=(NotFound, MfaRequired),
        example={"address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "chainId": 1},
    ),
    Operation(
        method="POST", path="/auth/wallet/cancel", handler=cancel, tag=_TAG, access=Access.GUEST, body=CancelBody,
        summary="Take a wallet back by the link in its notice mail", reply=MessageReply, errors=(InvalidToken,),
        limits=(limits.AUTH_POST,), example={"token": "Zm9yZ2VkLXRva2VuLWZvci10aGUtZG9jdW1lbnRhdGlvbg"},
    ),
    Operation(
        method="DELETE", path="/user/wallet/{address}", handler=unlink, summary="Unlink a wallet", tag=_TAG,
        access=Access.USER, step_up=StepUp.IF_ENROLLED, parameters=AddressPath, query=ChainQuery,
        reply=list[WalletReply], errors=(NotFound, MfaRequired),
    ),
)  # fmt: skip
