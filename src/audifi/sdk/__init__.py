"""Offer AudiFi's public API to Python programs: `async with Audifi("https://api.audifi.io") as audifi: ...`.

Between: users, `./audifi` verbs, drills and tests (callers) and the public endpoints (served by the edge).
Shape: client (one object, one account) · auth, user, artists, consents, admin (what it can do, by area) · records
(what it returns) · transport (one request) · retrying (when to try again) · failures (refusals as exceptions) ·
resolver (where `*.localhost` is).
Invariant: imports only `audifi.wire`; nothing here knows how the platform runs.
Errors: every refusal is raised as the class of `audifi.wire.problems` that the server named by its code.
"""

from audifi.sdk.client import Audifi
from audifi.sdk.records import (
    Artist,
    BackupCodes,
    ConsentCheck,
    Enrolment,
    Link,
    Pagination,
    Profile,
    SecondFactorNeeded,
    Session,
    SignedIn,
    Wallet,
    WalletNonce,
)
from audifi.sdk.retrying import RetryPolicy

__all__ = [
    "Artist",
    "Audifi",
    "BackupCodes",
    "ConsentCheck",
    "Enrolment",
    "Link",
    "Pagination",
    "Profile",
    "RetryPolicy",
    "SecondFactorNeeded",
    "Session",
    "SignedIn",
    "Wallet",
    "WalletNonce",
]
