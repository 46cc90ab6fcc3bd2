"""Recording, verifying and distributing revenue: who may, what counts once, and every step of the saga."""

import pytest
from tests.component.nft.paying import Paying, some_wallet

from audifi.kernel.ids import new_id

pytestmark = pytest.mark.asyncio(loop_scope="session")
BODY = {"source": "SYNC", "amountWei": "1001", "externalReference": "film 7"}


async def test_a_statement_counts_once_however_often_it_is_sent(paying: Paying) -> None:
    artist = await paying.person("ARTIST")
    of = await paying.launched(artist_id=artist.id)
    path, key = f"/masters/{of.id}/revenue", str(new_id())
    first = await artist.post(path, BODY, idempotency_key=key)
    assert (first.status, first.data["status"], first.data["amountWei"]) == (201, "PENDING", "1001"), first.body
    assert (await artist.post(path, BODY, idempotency_key=key)).data["id"] == first.data["id"]
    assert (await artist.post(path, BODY, idempotency_key=str(new_id()))).code == "CONFLICT"
    assert (await artist.post(path, BODY)).code == "VALIDATION_ERROR"
    listed = await artist.get(path)
    assert [each["id"] for each in listed.data] == [first.data["id"]]
    recorded = [each for each in await paying.told("revenue.recorded") if each["masterId"] == of.id]
    assert [each["amountWei"] for each in recorded] == ["1001"]


async def test_a_revenue_is_shared_to_the_last_wei(paying: Paying) -> None:
    admin = await paying.person("ADMIN")
    of = await paying.launched()
    holders = sorted(some_wallet() for _ in range(3))
    for holder in holders:
        paying.mint(of, holder)
    await paying.follow()
    revenue_id = await paying.earned(of, 200, admin)
    begun = await admin.post(f"/revenue/{revenue_id}/distribute")
    assert begun.status == 202, begun.body
    assert begun.data["distribution"]["holdersWei"] == "100"
    await paying.settle_all()
    rows = await paying.rows(
        """SELECT wallet, amount_wei, a.status FROM nft.dividend_allocations a
             JOIN nft.distributions d ON d.id = a.distribution_id WHERE d.revenue_event_id = $1 ORDER BY wallet""",
        revenue_id,
    )
    assert [(row["wallet"], int(row["amount_wei"])) for row in rows] == list(zip(holders, (34, 33, 33), strict=True))
    shown = (await admin.get(f"/masters/{of.id}/revenue")).data[0]
    assert (shown["status"], shown["distribution"]["status"]) == ("DISTRIBUTED", "OPEN")
