"""Be a pod that kills itself at the k-th turn of its event loop: run by test_kill.py, one fork per life.

Between: test_kill.py (writes one `k` per line, reads how that life ended) and the real thing: PostgreSQL, two
providers, the pool, the keeper.
Why turns of the loop: whatever any task does between two of them, the pool's included, is lost at once, as with a
power cut. Why fork: the imports take longer than a life.
Shape: the first line is the settings as JSON; then `<k> <seconds its clock is ahead>` in, `<turns> <killed|lived>` out,
for each life.
"""

import asyncio
import os
import selectors
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from audifi.clients.chain.pool.chains import Chains
from audifi.clients.chain.writing.signer import Signer
from audifi.clients.chain.writing.transactions import Transactions
from audifi.kernel.clock import SystemClock
from audifi.kernel.database import Database
from audifi.kernel.settings import Secret

CHAIN = 1


@dataclass(frozen=True)
class Told:
    pod: str
    database_writer_url: str
    database_reader_url: str
    database_password: Secret
    database_prepared_statements: bool


class Ahead(SystemClock):
    """The test's clock."""

    def __init__(self, ahead_s: float) -> None:
        self.ahead_s = ahead_s

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead_s)


class Mortal(selectors.DefaultSelector):
    """A selector that ends the process when it is asked for the k-th time."""

    def __init__(self, last_turn: int) -> None:
        super().__init__()
        self.turns = 0
        self._last_turn = last_turn

    def select(self, timeout: float | None = None) -> Any:
        self.turns += 1
        if self.turns == self._last_turn:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().select(timeout)


async def life(settings: Mapping[str, Any], clock: Ahead) -> None:
    """Do what is due, as a pod does, and what is due a moment later: send, and see the receipt."""
    database = await Database.open(
        Told(
            pod=settings["pod"],
            database_writer_url=settings["writer"],
            database_reader_url=settings["reader"],
            database_password=Secret(settings["password"]),
            database_prepared_statements=False,
        )
    )
    chains = await Chains.open(settings["providers"], Secret(settings["keys"]))
    keeper = Transactions(database, chains, Signer.of(Secret(settings["signer"])), clock=clock)
    for _ in range(2):
        while await keeper.step(CHAIN):
            pass
        clock.ahead_s += 1
    await chains.close()
    await database.close()


def live(settings: Mapping[str, Any], last_turn: int, ahead_s: float) -> int:
    mortal = Mortal(last_turn)
    loop = asyncio.SelectorEventLoop(mortal)
    asyncio.set_event_loop(loop)
    loop.run_until_complete(life(settings, Ahead(ahead_s)))
    loop.close()
    return mortal.turns


def main() -> None:
    settings = msgspec.json.decode(sys.stdin.readline())
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # its log
            last_turn, ahead_s = line.split()
            os.write(writing, str(live(settings, int(last_turn), float(ahead_s))).encode())
            os._exit(0)
        os.close(writing)
        _, status = os.waitpid(child, 0)
        turns = os.read(reading, 20).decode() or line.split()[0]
        os.close(reading)
        ended = "killed" if os.WIFSIGNALED(status) else "lived" if status == 0 else "failed"
        sys.stdout.write(f"{turns} {ended}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
