"""Act five: the artist's coin exists, the buyers of the sale have their part of it, and one of them stakes.

Between: play (asks), sdk, ledger.
Units: base units (10^-18 coin); *_s seconds.
Errors: Problem, TimedOut, Mismatch.
Source: domain.md 2.5 (allocation, staking).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from audifi.drills.journey.narration import expect
from audifi.drills.journey.release import Release
from audifi.drills.journey.sale import Fan
from audifi.drills.journey.stage import Telling
from audifi.drills.journey.story import COIN, Story, shared
from audifi.local.waiting import NotReady, wait_for
from audifi.sdk import Coin

SUPPLY: Final = 1_000_000 * COIN
TREASURY: Final = 300_000 * COIN
PARTICIPANTS: Final = 200_000 * COIN
DEPLOYED_WITHIN_S: Final = 90.0
GIVEN_WITHIN_S: Final = 120.0  # one transfer per buyer, by one signer
STAKED_WITHIN_S: Final = 60.0


@dataclass(frozen=True)
class Minted:
    """The coin, and who got how much of it."""

    coin: Coin
    address: str
    given: Mapping[str, int]
    staker: Fan


async def given(telling: Telling, release: Release, fans: Sequence[Fan]) -> Minted:
    """Wait for the coin and for everybody's part, then let one fan stake."""
    story, narrator = telling.story, telling.narrator
    async with narrator.step("the first sale brought the artist's coin"):
        coin = await wait_for(
            lambda: _deployed(release), within_s=DEPLOYED_WITHIN_S, saying="the coin is deployed", every_s=0.5
        )
        address = coin.address or ""
        expect("its supply", await release.ledger.read(address, "totalSupply()"), SUPPLY)
        expect("the artist's part", await release.ledger.coins(address, release.artist.wallet.address), TREASURY)
        narrator.note(f"{coin.name} ({coin.symbol}) at {address}")
    bought = Counter({fan.person.wallet.key: fan.order.quantity for fan in fans})
    parts = shared(PARTICIPANTS, dict(bought))
    async with narrator.step(f"{len(parts)} buyers are given their part of it"):
        await wait_for(
            lambda: _arrived(release, address, parts), within_s=GIVEN_WITHIN_S, saying="every part arrived", every_s=1
        )
    staker = fans[0]
    async with narrator.step("a fan stakes some"):
        await _staked(story, release, staker, parts[staker.person.wallet.key], address)
    return Minted(coin, address, parts, staker)


async def _deployed(release: Release) -> Coin:
    coin = await release.artist.client.coins.find(release.artist.id)
    if coin.status not in {"DEPLOYED", "TRADABLE"} or not coin.address:
        raise NotReady(f"it is {coin.status}")
    return coin


async def _arrived(release: Release, coin: str, parts: Mapping[str, int]) -> None:
    missing = 0
    for wallet, part in parts.items():
        held = await release.ledger.coins(coin, wallet)
        if held:
            expect(f"the coins of {wallet}", held, part)
        else:
            missing += 1
    if missing:
        raise NotReady(f"{missing} of {len(parts)} parts did not arrive yet")


async def _staked(story: Story, release: Release, fan: Fan, part: int, coin: str) -> None:
    coins = fan.person.client.coins
    amount = min(story.stake_amount, part)
    wallet = fan.person.wallet
    stake = await coins.stake(release.artist.id, amount, lock_days=story.stake_days, wallet=wallet.address)
    for transaction in stake.transactions:
        await wallet.send(transaction)

    async def active() -> None:
        found = [each for each in await coins.stakes(release.artist.id) if each.status == "ACTIVE"]
        if not found:
            raise NotReady("no ACTIVE stake yet")
        expect("the stake", (found[0].amount, found[0].lock_days), (amount, story.stake_days))

    await wait_for(active, within_s=STAKED_WITHIN_S, saying="the stake is ACTIVE", every_s=0.5)
    expect("the coins left in the wallet", await release.ledger.coins(coin, wallet.address), part - amount)
