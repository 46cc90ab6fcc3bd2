"""Assemble what the worker works with, for its pods and for an operator's console alike.

Between: app (runs it as loops), console (asks it once) and clients.chain, clients.ipfs.
Invariant: opened and closed together; nothing is sent before something runs.
Errors: SettingsError for values that cannot be meant, with every problem.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from audifi.clients.chain.pool.chains import Chains
from audifi.clients.chain.writing.signer import Signer, SignerError
from audifi.clients.chain.writing.transactions import Transactions
from audifi.clients.ipfs.client import Ipfs
from audifi.kernel.clock import SystemClock
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
    ipfs: Ipfs
    is_production: bool


@asynccontextmanager
async def opened(settings: WorkerSettings) -> AsyncGenerator[Parts, None]:
    """Open everything; close it at the end."""
    signer = _signer(settings)
    async with AsyncExitStack() as stack:
        chains = await Chains.open(settings.rpc_providers, settings.rpc_keys, facts=facts(settings.chain_confirmations))
        stack.push_async_callback(chains.close)
        database = await Database.open(settings)
        stack.push_async_callback(database.close)
        ipfs = Ipfs.open(settings, database, SystemClock())
        stack.push_async_callback(ipfs.close)
        transactions = Transactions(database, {number: chains[number] for number in chains}, signer)
        yield Parts(
            database=database,
            chains=chains,
            transactions=transactions,
            ipfs=ipfs,
            is_production=settings.environment == "production",
        )


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
