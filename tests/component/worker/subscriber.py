"""A service that mirrors, as small as it can be: real routes, real tables, and a list of what it was told.

Between: tests of the indexer and clients.chain.mirroring.
Shape: `live` is what the facts add up to; a fact that comes twice, or goes without having come, fails the request.
"""

from dataclasses import dataclass
from typing import Any

from audifi.clients.chain.mirroring.mirror import Fact, Mirror
from audifi.clients.chain.mirroring.routes import operations
from audifi.kernel.connection import Connection
from audifi.kernel.database import Database
from audifi.kernel.http import Kernel
from audifi.kernel.http.application import application
from audifi.kernel.identity import TokenVerifier
from audifi.kernel.internal import InternalTokens
from audifi.kernel.jwks import RemoteKeys
from audifi.kernel.settings import ServiceSettings


@dataclass
class Subscriber:
    """What it knows; rows and facts are one transaction, so the list follows commits only."""

    database: Database
    applied: int = 0
    undone: int = 0

    @property
    def mirror(self) -> Mirror:
        return Mirror(applied=self._on_applied, undone=self._on_undone)

    async def _on_applied(self, tx: Connection, fact: Fact) -> None:
        # a row of our own per fact: a second one would fail the batch
        await tx.execute(
            "INSERT INTO facts_seen (chain_id, tx_hash, log_index) VALUES ($1, $2, $3)",
            fact.chain_id, fact.tx_hash, fact.log_index,
        )  # fmt: skip
        self.applied += 1

    async def _on_undone(self, tx: Connection, fact: Fact) -> None:
        tag = await tx.execute(
            "DELETE FROM facts_seen WHERE chain_id = $1 AND tx_hash = $2 AND log_index = $3",
            fact.chain_id, fact.tx_hash, fact.log_index,
        )  # fmt: skip
        assert tag == "DELETE 1", fact
        self.undone += 1

    async def watch(self, chain_id: int, address: str, contract: str, from_block: int) -> None:
        async with self.database.transaction() as tx:
            await self.mirror.watch(tx, chain_id, address, contract, from_block)

    async def known(self, chain_id: int) -> list[tuple[str, int, str]]:
        """The logs it has, in the chain's order; the facts it was told are these, exactly."""
        rows = await self.database.rows(  # one statement: batches are committed meanwhile
            """SELECT tx_hash, log_index, block_hash, facts_seen.told
                 FROM (SELECT * FROM chain_logs WHERE chain_id = $1) AS logs
                 FULL JOIN (SELECT *, true AS told FROM facts_seen WHERE chain_id = $1) AS facts_seen
                USING (chain_id, tx_hash, log_index)
                ORDER BY block_number, log_index""",
            chain_id,
            primary=True,
        )
        assert all(row["told"] and row["block_hash"] for row in rows), rows
        return [(row["tx_hash"], row["log_index"], row["block_hash"]) for row in rows]

    async def checkpoint(self, chain_id: int) -> int:
        row = await self.database.row("SELECT block FROM chain_checkpoints WHERE chain_id = $1", chain_id, primary=True)
        return -1 if row is None else int(row["block"])


def answering(settings: ServiceSettings, subscriber: Subscriber) -> Any:
    """Return the application with its two operations."""
    assert settings.jwks_url is not None
    kernel = Kernel(
        settings=settings,
        deps=subscriber,
        verifier=TokenVerifier(
            issuer=settings.token_issuer, audience=settings.token_audience, source=RemoteKeys(settings.jwks_url)
        ),
        database=subscriber.database,
        internal=InternalTokens(
            service=settings.service,
            signing_key_jwk=settings.internal_signing_key.reveal(),
            caller_keys_jwks=settings.internal_caller_keys,
        ),
    )
    mirrored = operations(lambda call: call.deps.mirror)
    return application(mirrored, kernel=kernel, title=settings.service, version="test")
