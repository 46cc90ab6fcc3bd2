"""Ask the chain what it says of a master at the end of a block.

Between: reconcile and the contracts' typed reads (clients.chain.contracts.surface).
How: a master of 10,000 shares is 10,000 questions. `Batched` gathers what is asked at the same moment and sends it
CALLS_AT_ONCE at a time; the pool splits that into batches as providers like them.
Units: wei; shares by number.
Invariant: every question is about the same block, by its number: a final one.
Errors: those of the pool; a share that does not exist is left out.
Source: docs/chain-rpc.md; domain.md 2.2 "Chain interactions".
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final

from audifi.clients.chain.contracts.surface import DividendContract, MasterContract
from audifi.clients.chain.errors import CallerError
from audifi.clients.chain.pool.chain import Chain
from audifi.services.nft.errors import Problem
from audifi.services.nft.rules.reconciliation import Books
from audifi.services.nft.store.books import Entry

CALLS_AT_ONCE: Final = 500
TOKENS_AT_ONCE: Final = 2000
DEADLINE_S: Final = 60.0


class Batched:
    """A chain that is asked in batches: what is asked in one turn of the loop goes together."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._asked: list[tuple[str, Sequence[Any], asyncio.Future[Any]]] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def call(self, method: str, params: Sequence[Any] = (), *, deadline_s: float = DEADLINE_S) -> Any:
        """Ask, as clients.chain.contracts.surface.Reader."""
        del deadline_s
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked.append((method, params, answer))
        if len(self._asked) == 1:
            task = asyncio.create_task(self._send())
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        return await answer

    async def _send(self) -> None:
        await asyncio.sleep(0)  # whoever asks in this turn is in
        asked, self._asked = self._asked, []
        for first in range(0, len(asked), CALLS_AT_ONCE):
            part = asked[first : first + CALLS_AT_ONCE]
            calls = [(method, params) for method, params, _ in part]
            try:
                found = await self._chain.call_many(calls, deadline_s=DEADLINE_S, return_errors=True)
            except Problem as problem:
                for _, _, answer in asked[first:]:
                    answer.set_exception(problem)
                return
            for (_, _, answer), value in zip(part, found, strict=True):
                if isinstance(value, CallerError):
                    answer.set_exception(value)
                else:
                    answer.set_result(value)


async def books(chain: Batched, entry: Entry, block: int, tokens: Iterable[int], epochs: Iterable[int]) -> Books:
    """Read a master's contracts: these shares, and those that the counters say exist; these epochs."""
    at, master = hex(block), MasterContract(entry.master)
    public, reserve, held, owed = await asyncio.gather(
        master.public_minted(chain, at=at),
        master.reserve_minted(chain, at=at),
        chain.call("eth_getBalance", [entry.master, at]),
        master.owed_wei(chain, entry.artist_wallet, at=at),
    )
    wanted = sorted({*tokens, *range(1, public + 1)})
    if reserve:
        wanted = sorted({*wanted, *range(entry.public_supply + 1, entry.total_shares + 1)})
    owners = await _owners(chain, master, wanted, at)
    if entry.dividend is None:
        return Books(
            owners=owners, public_minted=public, reserve_minted=reserve, held_wei=int(held, 16), owed_artist_wei=owed
        )
    paying = DividendContract(entry.dividend)
    deposited, allocated, claimed, undivided = await asyncio.gather(
        paying.total_revenue_received_wei(chain, at=at),
        paying.total_allocated_wei(chain, at=at),
        paying.total_dividends_paid_wei(chain, at=at),
        chain.call("eth_getBalance", [entry.dividend, at]),
    )
    return Books(
        owners=owners,
        public_minted=public,
        reserve_minted=reserve,
        held_wei=int(held, 16),
        owed_artist_wei=owed,
        deposited_wei=deposited,
        allocated_wei=allocated,
        claimed_wei=claimed,
        undivided_wei=int(undivided, 16),
        epochs=await _epochs(chain, paying, sorted(epochs), at),
    )


async def _owners(chain: Batched, master: MasterContract, tokens: Sequence[int], at: str) -> dict[int, str]:
    found: dict[int, str] = {}
    for first in range(0, len(tokens), TOKENS_AT_ONCE):
        part = tokens[first : first + TOKENS_AT_ONCE]
        answers = await asyncio.gather(
            *(master.owner_of(chain, token, at=at) for token in part), return_exceptions=True
        )
        for token, owner in zip(part, answers, strict=True):
            if isinstance(owner, CallerError):
                continue  # ERC721NonexistentToken: nobody owns what does not exist
            if isinstance(owner, BaseException):
                raise owner
            found[token] = owner
    return found


async def _epochs(
    chain: Batched, paying: DividendContract, numbers: Sequence[int], at: str
) -> dict[int, tuple[str, int, int]]:
    found = await asyncio.gather(*(paying.epoch(chain, number, at=at) for number in numbers))
    told = {number: (each.root, each.total_wei, each.paid_wei) for number, each in zip(numbers, found, strict=True)}
    return {number: each for number, each in told.items() if each[1]}  # an epoch without an amount was never opened
