"""Hold what every step of an offer's saga needs: the rows it works on, and a way to ask the chain for something once.

Between: sagas.launch, sagas.ending (the steps) and store.

How it survives. A step is taken in one transaction that locks the offer, looks at what is known, asks for what is
missing (outbox) and writes where it stands. Killed before the commit, nothing happened and the same event or timer
comes again; killed after it, the ask is on its way. Looking twice changes nothing: what was asked is in `commands`.
What fails is asked again under a new key, later each time: a key stands for one command for ever.
Units: seconds.
Invariant: the locks are taken in the order checkpoint (mirror), offer, master: as those do who tell us of the chain.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.services.nft.parts import Parts
from audifi.services.nft.store import commands, ipos, masters
from audifi.services.nft.store.commands import Asked, State
from audifi.services.nft.store.ipos import Ipo
from audifi.services.nft.store.masters import Master
from audifi.wire.events.chain import AnyCommand, ChainWanted

AGAIN_FIRST_S: Final = 10.0
AGAIN_MAX_S: Final = 600.0


@dataclass(frozen=True, kw_only=True)
class Saga:
    """One offer, locked, at one moment."""

    parts: Parts
    master: Master
    ipo: Ipo
    now: datetime

    @property
    def is_due(self) -> bool:
        return self.ipo.due_at is not None and self.ipo.due_at <= self.now


async def load(tx: Connection, parts: Parts, master_id: str, *, skip_locked: bool = False) -> Saga | None:
    """Lock an offer and read what belongs to it; None without one, or when another pod has it (`skip_locked`)."""
    ipo = await ipos.one(tx, master_id, for_update=True, skip_locked=skip_locked)
    if ipo is None:
        return None
    master = await masters.one(tx, master_id)
    assert master is not None, "an offer has a master"
    return Saga(parts=parts, master=master, ipo=ipo, now=parts.clock.now())


async def move_to(tx: Connection, saga: Saga, step: str, *, due_at: datetime | None = None) -> bool:
    """Go to another step; True, because there is something to look at."""
    await ipos.set_step(tx, saga.ipo.id, step, due_at=due_at)
    return True


async def look_again(tx: Connection, saga: Saga, after_s: float) -> bool:
    """Wait for something no event tells of; False, because there is nothing to do until then."""
    await ipos.set_step(tx, saga.ipo.id, saga.ipo.step, due_at=saga.now + timedelta(seconds=after_s))
    return False


async def is_done(
    tx: Connection, saga: Saga, step: str, wanted: Iterable[tuple[str, AnyCommand]], *, is_first: bool = False
) -> bool:
    """Ask for the parts of a step that were not asked for, or failed and are due again; True once all are confirmed.

    What failed in the first step belongs to an earlier launch, which it ended: it is asked again at once.
    """
    known = await commands.parts(tx, saga.master.id, step)
    named = [(f"{step}:{part}" if part else step, command) for part, command in wanted]
    missing = [
        (name, command)
        for name, command in named
        if name not in known or (known[name].state is State.FAILED and (saga.is_due or is_first))
    ]
    if missing:
        await _ask(tx, saga, missing)
        await ipos.set_step(tx, saga.ipo.id, step, due_at=None)
    return all(name in known and known[name].state is State.DONE for name, _ in named)


async def _ask(tx: Connection, saga: Saga, missing: list[tuple[str, AnyCommand]]) -> None:
    number = await ipos.next_ask(tx, saga.ipo.id)
    for name, command in missing:
        key = f"nft:master:{saga.master.id}:{name.lower()}:{number}"
        await commands.put(tx, Asked(key, saga.master.id, name, number))
        wanted = ChainWanted(key=key, chain_id=saga.ipo.chain_id, command=command)
        await outbox.add(tx, wanted, aggregate_id=saga.master.id, actor_id=saga.master.artist_id)


def again_s(tries: int) -> float:
    """Return how long to wait after so many failures of a step."""
    return min(AGAIN_MAX_S, AGAIN_FIRST_S * 2 ** min(tries - 1, 20))
