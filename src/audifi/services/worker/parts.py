"""Assemble what the worker works with, for its pods and for an operator's console alike.

Between: app (runs it as loops), console (asks it once) and clients.chain, clients.ipfs.
Invariant: opened and closed together; nothing is sent before something runs.
Errors: SettingsError for values that cannot be meant, with every problem.
"""

import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from audifi.clients.chain.confirmations import facts
from audifi.clients.chain.pool.chains import Chains
from audifi.clients.chain.writing.signer import Signer, SignerError
from audifi.clients.chain.writing.transactions import Transactions
from audifi.clients.ipfs.client import Ipfs
from audifi.clients.mail import MailClient
from audifi.kernel.clock import Clock, SystemClock
from audifi.kernel.database import Database
from audifi.kernel.internal import InternalTokens
from audifi.kernel.peers import Peers
from audifi.kernel.queue import Queue
from audifi.kernel.settings import SettingsError
from audifi.services.worker import commands, settled
from audifi.services.worker.commands import Roles
from audifi.services.worker.postman import Postman
from audifi.services.worker.settings import WorkerSettings
from audifi.wire import environment

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What is open."""

    settings: WorkerSettings
    clock: Clock
    database: Database
    queue: Queue
    peers: Peers
    chains: Chains
    transactions: Transactions
    roles: Roles
    ipfs: Ipfs
    postman: Postman

    @property
    def is_production(self) -> bool:
        return self.settings.environment == "production"


@asynccontextmanager
async def opened(settings: WorkerSettings) -> AsyncGenerator[Parts, None]:
    """Open everything; close it at the end."""
    signer, clock = _signer(settings), SystemClock()
    async with AsyncExitStack() as stack:
        chains = await Chains.open(settings.rpc_providers, settings.rpc_keys, facts=facts(settings.chain_confirmations))
        stack.push_async_callback(chains.close)
        database = await Database.open(settings)
        stack.push_async_callback(database.close)
        queue = await Queue.open(settings)
        stack.push_async_callback(queue.close)
        peers = Peers.open(settings, _internal(settings))
        stack.push_async_callback(peers.close)
        ipfs = Ipfs.open(settings, database, clock)
        stack.push_async_callback(ipfs.close)
        yield Parts(
            settings=settings,
            clock=clock,
            database=database,
            queue=queue,
            peers=peers,
            chains=chains,
            transactions=Transactions(
                database,
                {number: chains[number] for number in chains},
                signer,
                told=settled.told,
                reason=commands.reason,
            ),
            roles=roles(settings, signer.address),
            ipfs=ipfs,
            postman=Postman(
                database=database, client=_mail(settings), peers=peers, clock=clock, app_url=settings.app_url
            ),
        )


def roles(settings: WorkerSettings, signer: str) -> Roles:
    """Who is who: the signer itself where no address of its own is told."""
    told = {
        environment.CHAIN_ADMIN_ADDRESS: settings.chain_admin_address or signer,
        environment.TREASURY_ADDRESS: settings.treasury_address or signer,
    }
    wrong = [f"{name} is {text!r}: expected 0x and 40 hexadecimal digits" for name, text in told.items()
             if not _ADDRESS.fullmatch(text)]  # fmt: skip
    if wrong:
        raise SettingsError(wrong)
    return Roles(
        signer=signer,
        admin=told[environment.CHAIN_ADMIN_ADDRESS].lower(),
        treasury=told[environment.TREASURY_ADDRESS].lower(),
    )


def _mail(settings: WorkerSettings) -> MailClient:
    password = settings.mail_password.reveal() if settings.mail_password is not None else None
    return MailClient(url=settings.mail_url, sender=settings.mail_from, password=password)


def _internal(settings: WorkerSettings) -> InternalTokens:
    return InternalTokens(
        service=settings.service,
        signing_key_jwk=settings.internal_signing_key.reveal(),
        caller_keys_jwks=settings.internal_caller_keys,
    )


def _signer(settings: WorkerSettings) -> Signer:
    try:
        return Signer.of(settings.chain_signer_key)
    except SignerError as error:
        raise SettingsError([str(error)]) from None
