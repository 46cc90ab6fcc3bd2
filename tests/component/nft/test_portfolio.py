"""What somebody owns: over all wallets, with cost, last price and what can be claimed."""

import asyncio
from typing import Any

import pytest
from tests.component.nft.paying import PRICE, Paying, Person, some_wallet

from audifi.kernel.ids import new_id

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_shares_over_all_wallets_with_what_they_cost(paying: Paying) -> None:
    admin = await paying.person("ADMIN")
    first, second, giver = some_wallet(), some_wallet(), some_wallet()
    fan = await paying.person(wallets=[first, second])
    of = await paying.launched()
    paying.mint(of, first, 2)
    paying.mint(of, giver, 1)
    paying.transfer(of, giver, second, 3)
    await paying.follow()
    await paying.distributed(of, 600, admin)  # 300 wei over three shares: 200 and 100
    listed = await _until(fan, f"/user/holdings?masterId={of.id}", 3)
    assert [(each["tokenId"], each["wallet"], each["tier"], each["royaltyBps"]) for each in listed] == [
        (1, first, 1, 1000), (2, first, 1, 1000), (3, second, 1, 1000),
    ]  # fmt: skip
    assert [each["costWei"] for each in listed] == [str(PRICE), str(PRICE), "0"], "a gift cost nothing"
    assert {each["lastPriceWei"] for each in listed} == {str(PRICE)}
    assert [each["unclaimedWei"] for each in listed] == ["200", "200", "100"]
    assert (await fan.get(f"/user/holdings?masterId={new_id()}")).data == []


async def test_a_portfolio_adds_up_and_asks_for_coins(paying: Paying) -> None:
    admin = await paying.person("ADMIN")
    wallet = some_wallet()
    fan = await paying.person(wallets=[wallet])
    of = await paying.launched()
    paying.mint(of, wallet, 2)
    await paying.follow()
    await paying.distributed(of, 1000, admin)
    await _until(fan, "/user/holdings", 2)
    paying.neighbours.coins[fan.id] = [{"symbol": "ALEXR", "amount": "5"}]
    whole = (await fan.get("/portfolio")).data
    assert [(each["masterId"], each["shares"], each["costWei"], each["valueWei"]) for each in whole["masters"]] == [
        (of.id, 2, str(2 * PRICE), str(2 * PRICE))
    ]
    assert (len(whole["shares"]), whole["sharesTotal"], whole["notes"]) == (2, 2, [])
    assert whole["coins"] == [{"symbol": "ALEXR", "amount": "5"}]
    assert [(each["currency"], each["claimableWei"]) for each in whole["dividends"]] == [("ETH", "500")]


async def test_a_portfolio_without_coin_service_says_so(paying: Paying) -> None:
    nobody = await paying.person()
    whole = (await nobody.get("/portfolio")).data
    assert (whole["coins"], whole["masters"], whole["sharesTotal"]) == ([], [], 0)
    assert "coin-service" in whole["notes"][0]


async def _until(fan: Person, path: str, count: int) -> list[dict[str, Any]]:
    """Read until the replica that answers knows of so many shares, and of what can be claimed."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(30):
        while len(found) != count or found[0]["unclaimedWei"] == "0":
            found = (await fan.get(path)).data
    return found
