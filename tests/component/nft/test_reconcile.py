"""Comparing Postgres with the chain: equal books are equal, and every way to differ is found and named."""

import json
from datetime import UTC, datetime

import msgspec
import pytest
from tests.component.contracts import world as contracts
from tests.component.nft.paying import PRICE, Launched, Paying, some_wallet

from audifi.cli import reconcile as command
from audifi.kernel.ids import new_id
from audifi.services.nft import reconcile
from audifi.services.nft.reconcile import DifferenceLine, Report

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_books_that_agree(paying: Paying) -> None:
    of = await _traded(paying)
    report = await reconcile.compare(paying.parts)
    assert _of(report, of) == []
    line = next(each for each in report.chains if each.chain == "base")
    assert line.block <= line.mirrored_block
    assert int(line.sales_wei) == int(line.platform_fees_wei) + int(line.artists_wei)
    assert int(line.held_wei) == int(line.sales_wei) - int(line.withdrawn_wei)
    assert int(line.claimed_wei) + int(line.unclaimed_wei) == int(line.allocated_wei)
    assert int(line.allocated_wei) <= int(line.deposited_wei)


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE nft.share_transfers SET to_wallet = '0x' || repeat('1', 40) WHERE master_id = $1 AND token_id = 3",
         {"owner of share 3", "an owner is whoever the last move went to"}),
        ("DELETE FROM nft.share_transfers WHERE master_id = $1 AND token_id = 3",
         {"shares missing here (3)", "public shares", "an owner is whoever the last move went to"}),
        ("UPDATE nft.ipos SET shares_sold = shares_sold + 1 WHERE master_id = $1",
         {"what is sold is what the chain minted to buyers"}),
        ("""DELETE FROM nft.chain_logs WHERE name = 'RevenueDeposited'
               AND address = (SELECT address FROM nft.contracts WHERE master_id = $1 AND kind = 'DIVIDEND')""",
         {"deposited", "dividend money held"}),
        ("""UPDATE nft.dividend_allocations SET status = 'CLAIMED', claim_block = 1
             WHERE status = 'AVAILABLE'
               AND distribution_id IN (SELECT id FROM nft.distributions WHERE master_id = $1)""",
         {"claimed", "dividend money held", "epoch 1", "a distribution is settled when all is claimed, and only then"}),
        ("UPDATE nft.distributions SET merkle_root = '0x' || repeat('ab', 32) WHERE master_id = $1", {"epoch 1"}),
        ("UPDATE nft.distributions SET root_block = NULL WHERE master_id = $1",
         {"allocated", "claimed", "dividend money held"}),
        ("""DELETE FROM nft.chain_logs WHERE name = 'Withdrawn'
               AND address = (SELECT address FROM nft.contracts WHERE master_id = $1 AND kind = 'MASTER')""",
         {"sales money held", "artist's proceeds"}),
    ],
)  # fmt: skip
async def test_books_that_differ(paying: Paying, statement: str, found: set[str]) -> None:
    of = await _traded(paying)
    await paying.execute(statement, of.id)
    differences = _of(await reconcile.compare(paying.parts), of)
    assert {each.what for each in differences} >= found
    assert all(each.means and each.remedy for each in differences)


async def test_money_that_belongs_to_nothing(paying: Paying) -> None:
    of = await _traded(paying)
    paying.node.give(of.dividend.address, paying.node.balance(of.dividend.address) + 7)
    await paying.final()
    told = _of(await reconcile.compare(paying.parts), of)
    assert [(each.what, int(each.theirs) - int(each.ours)) for each in told] == [("dividend money held", 7)]


async def test_what_happened_after_the_block_is_not_compared(paying: Paying) -> None:
    of = await _traded(paying)
    buyer = some_wallet()
    paying.mint(of, buyer, 2)  # mirrored, not final: on neither side
    await paying.follow()
    paying.transfer(of, buyer, some_wallet(), 5)  # on the chain, not mirrored
    assert _of(await reconcile.compare(paying.parts), of) == []


async def test_payments_by_card(paying: Paying) -> None:
    paying.neighbours.paid = None
    report = await reconcile.compare(paying.parts)
    assert report.cards_compared is None
    assert any("card payments" in each for each in report.not_compared)
    unknown = str(new_id())
    paying.neighbours.paid = [{"purchaseId": unknown, "amountCents": 1250}]
    report = await reconcile.compare(paying.parts)
    paying.neighbours.paid = None
    assert report.cards_compared == 1
    told = [each for each in report.differences if each.subject == unknown]
    assert [(each.ours, each.theirs) for each in told] == [("nothing", "1250 cents")]


async def test_one_pod_compares_each_hour(paying: Paying) -> None:
    await _traded(paying)
    hour = datetime(2001, 1, 1, int(new_id()) % 24, tzinfo=UTC)
    await paying.execute("DELETE FROM nft.reconciliations WHERE slot = $1", hour)
    first = await reconcile.take_turn(paying.parts, hour)
    assert first is not None
    assert await reconcile.take_turn(paying.parts, hour.replace(minute=40)) is None
    kept = await paying.rows("SELECT differences, report FROM nft.reconciliations WHERE slot = $1", hour)
    assert kept[0]["differences"] == len(first.differences)
    assert json.loads(kept[0]["report"])["at"] == first.at
    await reconcile.measure(paying.parts)


async def test_the_report_is_for_people(paying: Paying, capsys: pytest.CaptureFixture[str]) -> None:
    of = await _traded(paying)
    await paying.execute(
        "UPDATE nft.distributions SET merkle_root = '0x' || repeat('ab', 32) WHERE master_id = $1", of.id
    )
    report = await reconcile.compare(paying.parts)
    capsys.readouterr()
    command.page(msgspec.to_builtins(report))
    page = capsys.readouterr().out
    print(page)  # noqa: T201  # a failure shows it
    assert "sold to buyers by wallet" in page
    assert " ETH " in page
    assert "What it means: An epoch's root" in page
    assert "What to do: Do not distribute" in page


async def _traded(paying: Paying) -> Launched:
    """A master with sales, a withdrawal, a resale, a reserve, a dividend and one claim of two."""
    admin = await paying.person("ADMIN")
    of = await paying.launched(shares=12, reserve=2)
    first, second = some_wallet(), some_wallet()
    paying.mint(of, first, 3)
    paying.mint(of, second, 1)
    paying.transfer(of, first, second, 2)
    reserve = of.master.mint_reserve(contracts.ARTIST, 11, 12)
    paying.node.send(contracts.OPERATOR, of.master.address, reserve)
    paying.node.send(contracts.STRANGER, of.master.address, of.master.withdraw(contracts.ARTIST))
    await paying.follow()
    await paying.distributed(of, 6 * PRICE + 1, admin)
    fan = await paying.person(wallets=[first])
    assert len((await fan.claim(all=True)).data) == 1
    await paying.settle_all()
    await paying.final()
    return of


def _of(report: Report, of: Launched) -> list[DifferenceLine]:
    return [each for each in report.differences if each.subject == of.id]
