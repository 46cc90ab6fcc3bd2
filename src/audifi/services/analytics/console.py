"""Let an operator have everything counted anew: `python -m audifi.services.analytics.console recount [--since DAY]`.

Between: audifi.local.console or an operator (runs it with a pod's environment) and recount; the pods roll the days.
Shape: {"marked": how many days of artists, and of the platform, will be rolled}.
Invariant: figures come out the same, or were wrong before; it may run at any time and be run again.
Errors: refusals of the database and of settings, one line, exit 2.
"""

import argparse
from datetime import date

from audifi.kernel.clock import SystemClock
from audifi.kernel.console import answer
from audifi.kernel.database import Database
from audifi.kernel.settings import parse
from audifi.services.analytics import recount
from audifi.services.analytics.rules import periods
from audifi.services.analytics.settings import AnalyticsSettings


async def _recounted(since: date) -> dict[str, int]:
    database = await Database.open(parse(AnalyticsSettings))
    try:
        return {"marked": await recount.everything(database, SystemClock(), first=since)}
    finally:
        await database.close()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m audifi.services.analytics.console")
    verb = parser.add_subparsers(required=True).add_parser("recount", help="count everything anew from events")
    verb.add_argument("--since", type=date.fromisoformat, default=periods.BEGINNING, metavar="DAY")
    answer(_recounted(parser.parse_args().since))


if __name__ == "__main__":
    main()
