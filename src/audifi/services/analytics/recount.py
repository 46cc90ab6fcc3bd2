"""Count everything anew from the events that are kept: the roll-ups and holdings come out the same.

Between: console (an operator, after a doubt or a repair) and tests.
Shape: holdings are counted in one transaction; days are marked, and the roll of any pod makes them anew.
Invariant: days whose engagement was deleted keep their engagement figures (rules.retention).
Source: issue C "rollups that can be recomputed from events with the same result".
"""

from datetime import UTC, date, datetime

from audifi.kernel.clock import Clock
from audifi.kernel.database import Database
from audifi.services.analytics.rules import facts, periods
from audifi.services.analytics.store import holdings, marks

FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)


async def everything(database: Database, clock: Clock, *, first: date = periods.BEGINNING) -> int:
    """Count holdings anew and mark every day since `first`; return how many marks."""
    async with database.transaction() as tx:
        await holdings.recount(tx, facts.NOBODY)
    async with database.transaction() as tx:
        return await marks.mark_all(tx, periods.begins(first), FOR_EVER, clock.now())
