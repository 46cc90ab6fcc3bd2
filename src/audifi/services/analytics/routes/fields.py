"""Name the forms of fields that several operations share.

Between: routes.*. Source: domain.md 2.6.
"""

from uuid import UUID

from audifi.kernel.http import Body
from audifi.services.analytics.rules.periods import Period


class IdPath(Body):
    """Which one."""

    id: UUID


class PeriodQuery(Body, kw_only=True):
    """Of which days, counted back from today."""

    period: Period = "all_time"


class ScopeQuery(PeriodQuery, kw_only=True):
    """Of which days, and, for administrators, of whom; nobody: of the platform."""

    artist_id: UUID | None = None
