"""Offer AudiFi's public API to Python programs: `async with Audifi("https://api.audifi.io") as audifi: ...`.

Between: users, `./audifi` verbs, drills and tests (callers) and the public endpoints (served by the edge).
Shape: client (one object, one account) · one module for each area of the API (what it can do) · records (what it
returns) · live (a session as it happens) · transport (one request) · retrying (when to try again) · keys (what makes
that safe) · failures (refusals as exceptions) · resolver (where `*.localhost` is).
Invariant: imports only `audifi.wire`; nothing here knows how the platform runs.
Errors: every refusal is raised as the class of `audifi.wire.problems` that the server named by its code.
"""

from audifi.sdk.client import Audifi
from audifi.sdk.keys import new_key
from audifi.sdk.live import Ack, Ended, Live, VoteAck
from audifi.sdk.records.accounts import (
    Artist,
    BackupCodes,
    ConsentCheck,
    Enrolment,
    Link,
    Profile,
    SecondFactorNeeded,
    Session,
    SignedIn,
    Wallet,
    WalletNonce,
)
from audifi.sdk.records.billing import Checkout, Payment, Plan, Subscription
from audifi.sdk.records.coins import Coin, CoinBalance, CoinDetail, Pool, Stake, SwapQuote
from audifi.sdk.records.envelopes import Amount, Paged, Pagination
from audifi.sdk.records.holdings import Dividend, Holding, Portfolio, Revenue, RevenueSummary
from audifi.sdk.records.masters import Collaborator, Ipo, Master, MintPreview, Share, Uploaded
from audifi.sdk.records.reports import Dashboard, MasterReport
from audifi.sdk.records.sales import Listing, Purchase, Transaction
from audifi.sdk.records.vstudio import (
    Ballot,
    Contribution,
    Decision,
    Eligibility,
    Line,
    LiveTicket,
    Option,
    Recap,
    Results,
    Standing,
    VoteCast,
    VstudioSession,
)
from audifi.sdk.retrying import RetryPolicy

__all__ = [
    "Ack",
    "Amount",
    "Artist",
    "Audifi",
    "BackupCodes",
    "Ballot",
    "Checkout",
    "Coin",
    "CoinBalance",
    "CoinDetail",
    "Collaborator",
    "ConsentCheck",
    "Contribution",
    "Dashboard",
    "Decision",
    "Dividend",
    "Eligibility",
    "Ended",
    "Enrolment",
    "Holding",
    "Ipo",
    "Line",
    "Link",
    "Listing",
    "Live",
    "LiveTicket",
    "Master",
    "MasterReport",
    "MintPreview",
    "Option",
    "Paged",
    "Pagination",
    "Payment",
    "Plan",
    "Pool",
    "Portfolio",
    "Profile",
    "Purchase",
    "Recap",
    "Results",
    "RetryPolicy",
    "Revenue",
    "RevenueSummary",
    "SecondFactorNeeded",
    "Session",
    "Share",
    "SignedIn",
    "Stake",
    "Standing",
    "Subscription",
    "SwapQuote",
    "Transaction",
    "Uploaded",
    "VoteAck",
    "VoteCast",
    "VstudioSession",
    "Wallet",
    "WalletNonce",
    "new_key",
]
