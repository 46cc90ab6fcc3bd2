"""Assemble what the worker works with, for its pods and for an operator's console alike.

Between: app (runs it as loops), console (asks it once) and clients.chain, clients.ipfs.
Invariant: opened and closed together; nothing is sent before something runs.
Errors: SettingsError for values that cannot be meant, with every problem.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from audifi.clients.chain.pool import Chains
from audifi.clients.chain.signer import Signer, SignerError
from audifi.clients.chain.transactions import Transactions
from audifi.kernel.database import Database
from audifi.kernel.settings import SettingsError
from audifi.services.worker.settings import WorkerSettings
from audifi.wire import environment
from audifi.wire.chains import CHAINS, ChainFacts


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What is open."""

    database: Database
    chains: Chains
    transactions: Transactions


@asynccontextmanager
async def opened(settings: WorkerSettings) -> AsyncGenerator[Parts, None]:
    """Open everything; close it at the end."""
    signer = _signer(settings)
    chains = await Chains.open(settings.rpc_providers, settings.rpc_keys, facts=facts(settings.chain_confirmations))
    try:
        database = await Database.open(settings)
        try:
            by_number = {number: chains[number] for number in chains}
            yield Parts(database=database, chains=chains, transactions=Transactions(database, by_number, signer))
        finally:
            await database.close()
    finally:
        await chains.close()


def facts(confirmations: str | None) -> Mapping[int, ChainFacts]:
    """The chains' facts; `act/final` replaces how deep a block must be, on every chain."""
    if confirmations is None:
        return CHAINS
    act, _, final = confirmations.partition("/")
    if not (act.isdigit() and final.isdigit() and 1 <= int(act) <= int(final)):
        raise SettingsError([f"{environment.CHAIN_CONFIRMATIONS} is {confirmations!r}: expected act/final, e.g. 1/3"])
    return {
        number: replace(each, act_confirmations=int(act), final_confirmations=int(final))
        for number, each in CHAINS.items()
    }


def _signer(settings: WorkerSettings) -> Signer:
    try:
        return Signer.of(settings.chain_signer_key)
    except SignerError as error:
        raise SettingsError([str(error)]) from None
