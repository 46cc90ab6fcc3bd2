"""Decide which agreements a flow still misses.

Between: routes.consents, store.consents (history, policy versions).
Invariant: only the newest row per policy counts, and only for the newest effective version: an old acceptance, or one
withdrawn since, is missing again.
Errors: never raises.
Source: domain.md 2.1 (consents needed at signup, mint, purchase); names of the policies are ours, the legal drafts
leave them open.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

Flow = Literal["SIGNUP", "ARTIST", "MINT", "PURCHASE"]
PolicyType = Literal["TERMS", "PRIVACY", "ARTIST_AGREEMENT", "RIGHTS_DECLARATION", "PURCHASE_TERMS", "RISK_DISCLOSURE"]
ConsentAction = Literal["ACCEPTED", "WITHDRAWN"]

REQUIRED: Final[dict[Flow, tuple[PolicyType, ...]]] = {
    "SIGNUP": ("TERMS", "PRIVACY"),
    "ARTIST": ("TERMS", "PRIVACY", "ARTIST_AGREEMENT"),
    "MINT": ("TERMS", "ARTIST_AGREEMENT", "RIGHTS_DECLARATION"),
    "PURCHASE": ("TERMS", "PURCHASE_TERMS", "RISK_DISCLOSURE"),
}


@dataclass(frozen=True)
class Consent:
    """One row of the history."""

    policy_type: str
    policy_version: str
    action: str
    at: datetime


@dataclass(frozen=True)
class Missing:
    """A policy to be accepted, in the version that counts."""

    policy_type: str
    policy_version: str


def missing(flow: Flow, current_versions: Mapping[str, str], history: Iterable[Consent]) -> tuple[Missing, ...]:
    """Return what must still be accepted, in the order of REQUIRED. A policy without a version asks for nothing."""
    latest: dict[str, Consent] = {}
    for consent in sorted(history, key=lambda row: row.at):
        latest[consent.policy_type] = consent
    return tuple(
        Missing(policy, version)
        for policy in REQUIRED[flow]
        if (version := current_versions.get(policy)) is not None and not _is_accepted(latest.get(policy), version)
    )


def _is_accepted(consent: Consent | None, version: str) -> bool:
    return consent is not None and consent.action == "ACCEPTED" and consent.policy_version == version
