"""Give out nonces and sign, in one database transaction: a nonce without signed bytes never exists.

Between: transactions (prepares what needs the network) and the tables `signers`, `transactions`,
`transaction_versions`. Nothing here talks to a chain, so the signer's row is locked for milliseconds.

Why the bytes are stored before they are sent: a process that dies after sending and before storing would leave a
transaction nobody knows, and the next try would be a second one with the next nonce.
Whose nonces these are: ours alone. The count starts at what the chain says; a chain that is later *ahead* of us means
that the key was used elsewhere, so we skip what is used, at most SKIP_MAX and with a warning. A chain that is *behind*
us at a nonce no row has (a provider lied, or that other transaction was dropped) is a gap, which would hold up all
later ones for ever: a transfer of 0 wei to ourselves fills it.
Units: wei; gas in gas.
Invariant: the rows (nonce, state, hash), the version and the counter change together or not at all.
Errors: Overtaken (nothing changed), NotYet (nothing changed; the reason goes to the row), Unavailable of the database.
Source: outbound.md 3 ("Tx manager"); https://github.com/ethereum/execution-apis/issues/245.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from audifi.clients.chain.writing import ledger
from audifi.clients.chain.writing.fees import TRANSFER_GAS, Offer
from audifi.clients.chain.writing.ledger import State, Transaction, Version
from audifi.clients.chain.writing.signer import Signer, Unsigned
from audifi.kernel.connection import Connection
from audifi.kernel.database import Database
from audifi.kernel.ids import new_id
from audifi.kernel.logs import log

SKIP_MAX: Final = 100


class NotYet(Exception):
    """This transaction cannot be signed now; its row says why, and it is tried again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """What the chain said that signing needs."""

    gas: int
    offer: Offer
    pending_nonce: int  # the highest any provider knows
    balance_wei: int


class Nonces:
    """The only code that signs."""

    def __init__(self, database: Database, signer: Signer) -> None:
        self._database = database
        self._signer = signer

    async def sign(self, wanted: Transaction, prepared: Prepared, now: datetime) -> tuple[Transaction, Version]:
        """Take the next nonce for a transaction, sign it and store it."""
        async with self._database.transaction() as tx:
            await ledger.open_signer(tx, wanted.chain_id, self._signer.address, prepared.pending_nonce)
            counted = await ledger.lock_signer(tx, wanted.chain_id, self._signer.address)
            nonce = _next(wanted.chain_id, counted, prepared.pending_nonce)
            await self._refuse_debt(tx, wanted, prepared)
            version = self._version(wanted, nonce, number=1, gas=prepared.gas, offer=prepared.offer, now=now)
            signed = replace(wanted, state=State.SIGNED, nonce=nonce, hash=version.hash, error=None, tries=0)
            signed = await self._store(tx, signed, version)
            await ledger.hand_out(tx, wanted.chain_id, self._signer.address, nonce + 1)
        return signed, version

    async def sign_again(
        self, transaction: Transaction, newest: Version, offer: Offer, now: datetime
    ) -> tuple[Transaction, Version]:
        """Sign the same transaction with the same nonce and higher fees; the versions before stay valid."""
        assert transaction.nonce is not None, "only what has a nonce is replaced"
        version = self._version(
            transaction, transaction.nonce, number=newest.number + 1, gas=newest.gas, offer=offer, now=now
        )
        async with self._database.transaction() as tx:
            stored = await self._store(tx, replace(transaction, hash=version.hash, tries=version.number), version)
        return stored, version

    async def fill(
        self, transaction: Transaction, newest: Version, offer: Offer, now: datetime
    ) -> tuple[Transaction, Version]:
        """Give the nonce of a transaction that no node will ever take to a transfer of nothing to ourselves."""
        assert transaction.nonce is not None, "only a nonce that was given out is filled"
        version = self._filler(transaction, transaction.nonce, number=newest.number + 1, offer=offer, now=now)
        async with self._database.transaction() as tx:
            stored = await self._store(tx, replace(transaction, hash=version.hash, gone=True, tries=0), version)
        return stored, version

    async def fill_gap(self, chain_id: int, pending_nonce: int, offer: Offer, now: datetime) -> bool:
        """Fill the nonce the chain waits for, if it was given out and no row has it."""
        async with self._database.transaction() as tx:
            await ledger.open_signer(tx, chain_id, self._signer.address, pending_nonce)
            counted = await ledger.lock_signer(tx, chain_id, self._signer.address)
            if pending_nonce >= counted or await ledger.has_nonce(tx, chain_id, self._signer.address, pending_nonce):
                return False
            wanted = Transaction(
                id=new_id(),
                chain_id=chain_id,
                signer=self._signer.address,
                key=f"gap:{pending_nonce}",
                to=self._signer.address,
                data=b"",
                value_wei=0,
                gas=TRANSFER_GAS,
                next_at=now,
                created_at=now,
            )
            await ledger.insert(tx, wanted)
            version = self._version(wanted, pending_nonce, number=1, gas=TRANSFER_GAS, offer=offer, now=now)
            signed = replace(wanted, state=State.SIGNED, nonce=pending_nonce, hash=version.hash)
            await self._store(tx, signed, version)
        log.warning("a nonce that nobody has was filled", chain_id=chain_id, nonce=pending_nonce)
        return True

    async def _store(self, tx: Connection, transaction: Transaction, version: Version) -> Transaction:
        stored = await ledger.save(tx, transaction)
        await ledger.add_version(tx, version)
        return stored

    async def _refuse_debt(self, tx: Connection, wanted: Transaction, prepared: Prepared) -> None:
        """Give no nonce to what the balance cannot pay after everything that is on its way."""
        owed = await ledger.outstanding_wei(tx, wanted.chain_id, self._signer.address)
        needed = owed + wanted.value_wei + prepared.gas * prepared.offer.fee_max_wei
        if prepared.balance_wei < needed:
            raise NotYet(f"insufficient funds: {self._signer.address} has {prepared.balance_wei} of {needed} wei")

    def _version(
        self, transaction: Transaction, nonce: int, *, number: int, gas: int, offer: Offer, now: datetime
    ) -> Version:
        return self._signed(
            Unsigned(
                chain_id=transaction.chain_id,
                nonce=nonce,
                to=transaction.to,
                data=transaction.data,
                value_wei=transaction.value_wei,
                gas=gas,
                fee_max_wei=offer.fee_max_wei,
                tip_max_wei=offer.tip_max_wei,
            ),
            Version(
                transaction_id=transaction.id,
                number=number,
                hash="",
                raw=b"",
                is_filler=False,
                gas=gas,
                fee_max_wei=offer.fee_max_wei,
                tip_max_wei=offer.tip_max_wei,
                signed_at=now,
            ),
        )

    def _filler(self, transaction: Transaction, nonce: int, *, number: int, offer: Offer, now: datetime) -> Version:
        nothing = replace(transaction, to=self._signer.address, data=b"", value_wei=0)
        version = self._version(nothing, nonce, number=number, gas=TRANSFER_GAS, offer=offer, now=now)
        return replace(version, is_filler=True)

    def _signed(self, unsigned: Unsigned, version: Version) -> Version:
        signed = self._signer.sign(unsigned)
        return replace(version, hash=signed.hash, raw=signed.raw)


def _next(chain_id: int, counted: int, pending_nonce: int) -> int:
    if pending_nonce - counted > SKIP_MAX:
        raise NotYet(
            f"the chain says nonce {pending_nonce}, we are at {counted}: a person must look (key used elsewhere?)"
        )
    if pending_nonce > counted:
        log.warning("nonces were used elsewhere and are skipped", chain_id=chain_id, ours=counted, chain=pending_nonce)
    return max(counted, pending_nonce)
