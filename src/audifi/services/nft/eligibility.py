"""Ask the other services what an artist may do and where its money goes.

Between: routes.masters, routes.launches and payment-service (plan), auth-service (consents, wallets, artist's name).
Why asked and not remembered: these decide money; a copy would be wrong for as long as it lags.
Invariant: asked before a transaction begins: no row is locked while another service thinks.
Errors: NotEligible (consents, wallet), PlanLimitReached; Unavailable when a service is away: nothing is assumed.
Source: domain.md 2.4 (plans), 2.8 (preconditions of a launch), 4 (a new wallet is no payout destination for 24 h).
"""

from datetime import datetime

import msgspec

from audifi.kernel.peers import Peers
from audifi.services.nft.errors import NotEligible, PlanLimitReached
from audifi.services.nft.parts import NftCall


class PlanLimits(msgspec.Struct, rename="camel", kw_only=True):
    """How much a plan includes; None is unlimited."""

    masters: int | None = None
    ipos_per_month: int | None = None


class Plan(msgspec.Struct, rename="camel", kw_only=True):
    """What somebody is entitled to now."""

    plan: str
    limits: PlanLimits


class _Missing(msgspec.Struct, rename="camel"):
    policy_type: str
    policy_version: str


class _Consents(msgspec.Struct, rename="camel"):
    has_all_required: bool
    missing: list[_Missing]


class _Wallet(msgspec.Struct, rename="camel"):
    address: str
    is_primary: bool
    payout_enabled_at: datetime


class _Artist(msgspec.Struct, rename="camel"):
    artist_name: str


async def plan_of(peers: Peers, user_id: str) -> Plan:
    """Return somebody's plan."""
    return await peers.get("payment-service", f"/internal/v1/users/{user_id}/plan", Plan)


def require_within(limit: int | None, used: int, what: str, plan: Plan) -> None:
    """Refuse one more than a plan includes."""
    if limit is not None and used >= limit:
        raise PlanLimitReached(details={"plan": plan.plan, "limit": limit, "of": what, "ctaType": "SUBSCRIBE"})


async def require_consents(peers: Peers, user_id: str, flow: str) -> None:
    """Refuse while an agreement of this flow is missing."""
    said = await peers.get("auth-service", f"/internal/v1/users/{user_id}/consents", _Consents, query={"flow": flow})
    if not said.has_all_required:
        missing = [f"{each.policy_type}@{each.policy_version}" for each in said.missing]
        raise NotEligible(details={"missingRequirements": missing, "ctaType": "CONSENT"})


async def linked_wallets(peers: Peers, user_id: str) -> set[str]:
    """Return somebody's wallets, in lower case."""
    wallets = await peers.get("auth-service", f"/internal/v1/users/{user_id}/wallets", list[_Wallet])
    return {wallet.address.lower() for wallet in wallets}


async def require_linked(peers: Peers, user_id: str, wallet: str) -> None:
    """Refuse a wallet that is not this user's."""
    if wallet.lower() not in await linked_wallets(peers, user_id):
        raise NotEligible(details={"missingRequirements": ["LINKED_WALLET"], "ctaType": "CONNECT_WALLET"})


async def payout_wallet(call: NftCall, user_id: str) -> str:
    """Return where an artist's money goes, in lower case: the primary wallet, once its grace is over."""
    wallets = await call.deps.peers.get("auth-service", f"/internal/v1/users/{user_id}/wallets", list[_Wallet])
    primary = next((wallet for wallet in wallets if wallet.is_primary), None)
    if primary is None:
        raise NotEligible(details={"missingRequirements": ["PAYOUT_WALLET"], "ctaType": "CONNECT_WALLET"})
    if primary.payout_enabled_at > call.deps.clock.now():
        at = primary.payout_enabled_at.isoformat()
        raise NotEligible(
            "The primary wallet was linked too recently to receive money.",
            details={"missingRequirements": ["PAYOUT_WALLET"], "ctaType": "CONNECT_WALLET", "payoutEnabledAt": at},
        )
    return primary.address.lower()


async def artist_name(peers: Peers, user_id: str) -> str:
    """Return what an artist is called."""
    return (await peers.get("auth-service", f"/internal/v1/users/{user_id}/artist", _Artist)).artist_name
