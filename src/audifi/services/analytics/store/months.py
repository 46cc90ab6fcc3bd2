"""Make the partitions of months.

Between: housekeeping (two months ahead), recording (an event of a month long past), the function of the migration.
Invariant: making one twice is making it once; months are in UTC.
"""

from datetime import date
from typing import Final

from audifi.kernel.connection import Connection

_ENSURE: Final = "SELECT analytics.ensure_month($1)"
_LIST: Final = """
SELECT relname AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
 WHERE inhparent = 'analytics.analytics_events'::regclass ORDER BY 1
"""


async def ensure(tx: Connection, month: date) -> bool:
    """Make a month's partition; return whether it had to be made."""
    return bool(await tx.fetchval(_ENSURE, month))


async def names(connection: Connection) -> list[str]:
    """Return the partitions there are."""
    return [row["name"] for row in await connection.fetch(_LIST)]
