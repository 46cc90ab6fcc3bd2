"""Gather what every handler works with.

Between: app (fills it), routes (read it as `call.deps`).
Invariant: one object per pod, frozen; nothing in here is per request.
"""

from dataclasses import dataclass

from audifi.kernel.clock import Clock
from audifi.kernel.database import Database
from audifi.kernel.http import Call
from audifi.kernel.identity import TokenVerifier
from audifi.kernel.sessions import Sessions
from audifi.services.analytics.settings import AnalyticsSettings


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The service's own objects."""

    settings: AnalyticsSettings
    clock: Clock
    database: Database
    sessions: Sessions
    verifier: TokenVerifier


AnalyticsCall = Call[Parts]
