"""Name the states of sessions and decisions, and which leads to which.

Between: store (conditional changes name the states they leave), sagas, routes.

    session   DRAFT → SCHEDULED → ACTIVE ⇄ VOTING → LOCKED → COMPLETE; DRAFT → ACTIVE; ACTIVE, VOTING → COMPLETE
              LOCKED → ACTIVE where nft-service refuses; DRAFT … VOTING → CANCELLED
    decision  PENDING → OPEN → CLOSED → FINALIZED; PENDING, OPEN → CANCELLED
VOTING is ACTIVE with an open decision; opening and closing change it.
Source: domain.md 2.3 "Session lifecycle", "Decision lifecycle".
"""

from typing import Final

PLANNED: Final = ("DRAFT", "SCHEDULED")
LIVE: Final = ("ACTIVE", "VOTING")
OVER: Final = ("COMPLETE", "CANCELLED")
DECIDED: Final = ("FINALIZED", "CANCELLED")
