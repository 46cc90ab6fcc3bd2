"""Every public operation, asked by everybody: who is refused and who is not is what domain.md's table says.

Between: tests/agreement/access.toml (the table), the running platform through the edge, and objects that really exist:
a master on sale, a purchase, an offer, a revenue, an export, each with its owner.
Shape: a guest, a fan (owns the purchase), an artist (owns everything else), another artist, an artist without a second
factor, an administrator who is no artist. "Refused" is 401, FORBIDDEN, MFA_REQUIRED or, for an object that is not
theirs, NOT_FOUND; any other answer came from behind the guard.
"""

import asyncio
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from tests.system.visitors import ONCE, Visitors

from audifi.drills.journey import media
from audifi.drills.journey import people as cast
from audifi.drills.journey.narration import Narrator
from audifi.drills.journey.people import Person
from audifi.drills.journey.release import Release, released
from audifi.drills.journey.stage import Telling, stage
from audifi.drills.journey.story import CHAIN, Story
from audifi.local.held import Held
from audifi.local.waiting import NotReady, wait_for
from audifi.sdk import Audifi, new_key
from audifi.sdk.transport import Request, Upload
from audifi.wire.problems import Problem

ROOT: Final = Path(__file__).resolve().parents[2]
TABLE: Final = tomllib.loads((ROOT / "tests/agreement/access.toml").read_text())
DOCUMENTS: Final = {name: json.loads((ROOT / f"docs/openapi/{name[:-8]}.json").read_text()) for name in TABLE}
# What would make whoever is let in somebody else, or nobody: only those who must be refused ask for it.
ENDING: Final = {
    "POST /user/artist-profile",
    "POST /auth/logout", "POST /auth/logout-all", "DELETE /user", "DELETE /auth/sessions/{sid}",
    "POST /auth/2fa/disable", "POST /auth/refresh", "POST /admin/keys/rotate", "PATCH /admin/users/{id}",
    "POST /admin/users/{id}/roles",
}  # fmt: skip
# A session needs a draft of its artist's, and this one's plan includes a single master, which is on sale: who owns a
# session, and who produces it, is tried by tests/component/vstudio.
OTHERS_TRY: Final = {
    "GET /analytics/sessions/{id}",
    "GET /analytics/sessions/{id}/engagement",
    *(name for name, row in TABLE["vstudio-service"].items() if row in ("A", "A|P", "P")),
}
# Its proof is in the body: a guest's is an mfaToken that only a sign-in gives out.
PROVEN_BY_BODY: Final = {"POST /auth/2fa/verify"}
# What an operation cannot do without; more than that is in the example of its body.
QUERIES: Final[dict[str, dict[str, str | int]]] = {
    "/user/wallet/{address}": {"chainId": 1},
    "/analytics/export": {"from": "2026-01-01", "to": "2026-12-31", "format": "csv"},
}
OWNED: Final = {"A", "O", "A|M", "O|M"}
REFUSALS: Final = {"UNAUTHORIZED", "FORBIDDEN", "MFA_REQUIRED"}
HIDDEN: Final = {"NOT_FOUND", "MASTER_NOT_FOUND", "IPO_NOT_FOUND", "USER_NOT_FOUND"}


@dataclass(frozen=True)
class World:
    """Who asks, and for what."""

    everybody: dict[str, Audifi]
    ids: dict[str, str]  # the beginning of a path → the object's id
    artist_id: str
    office: Audifi  # the administrator, at the desk: other tests come from that address too, so it asks little
    cover: Path

    def path_of(self, name: str) -> str:
        path = name.partition(" ")[2]
        found = next((value for head, value in self.ids.items() if path.startswith(head)), "x")
        for parameter in ("{id}", "{sid}"):
            path = path.replace(parameter, found)
        wallet = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
        path = path.replace("{artistId}", self.artist_id).replace("{wallet}", wallet).replace("{address}", wallet)
        return path.replace("{slug}", "somebody").replace("{did}", found)


def allowed(word: str, name: str) -> set[str]:
    """Who is let in."""
    signed_in = {"fan", "artist", "other artist", "artist without factor", "administrator"}
    artists = {"artist", "other artist", "artist without factor"}
    owner = "fan" if "purchase" in name else "artist"
    return {
        "G": {"guest", *signed_in},
        "COOKIE": {"guest", *signed_in},
        "U": signed_in,
        "O": {owner},
        "ARTIST": artists,
        "A": {"artist"},
        "ARTIST|M": {*artists, "administrator"},
        "A|M": {"artist", "administrator"},
        "O|M": {owner, "administrator"},
        "M": {"administrator"},
    }[word]


async def outcome(client: Audifi, world: World, service: str, name: str) -> str:
    """Ask; return the code of a refusal, or `answered`."""
    method, template = name.split(" ")
    operation: dict[str, Any] = DOCUMENTS[service]["paths"][template][method.lower()]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    keyed = any(each["name"] == "Idempotency-Key" for each in operation.get("parameters", []))
    request = Request(
        method=method,
        path="/health" if template == "/health/platform" else world.path_of(name),
        body=content.get("example", {} if content else None),
        query=QUERIES.get(template, {}),
        idempotency_key=new_key() if keyed else None,
        files=(Upload(name="cover", path=world.cover),) if template.endswith("/upload") else (),
    )
    try:
        await client.transport.answer(request)
    except Problem as problem:
        return problem.code
    return "answered"


async def judged(world: World, service: str, name: str, row: str) -> list[str]:
    """Let everybody ask: first those who must be refused, because the others may change the object."""
    word, factor = (row[:-4], row[-4:]) if row.lower().endswith("+2fa") else (row, "")
    let_in = allowed(word, name) - ({"artist without factor"} if factor == "+2FA" else set())
    wrong: list[str] = []
    for who, client in sorted(world.everybody.items(), key=lambda each: each[0] in let_in):
        if (who in let_in and name in ENDING) or (who == "guest" and name in PROVEN_BY_BODY):
            continue
        at_desk = who == "administrator" and "/admin/" in name
        code = await outcome(world.office if at_desk else client, world, service, name)
        is_hidden = code in HIDDEN and word in OWNED
        if (code in REFUSALS or is_hidden) == (who in let_in):
            wrong.append(f"{name} ({row}): {who} got {code}")
    return wrong


@pytest.mark.asyncio
async def test_everybody_is_let_in_or_refused_as_the_table_says(
    people: Visitors, platform: Held, tmp_path: Path
) -> None:
    story = Story.drawn(4, 1)
    async with stage(platform.instance) as opened:
        issue = await released(Telling(opened, story, Narrator(lambda _: None)))
        fan = await cast.signed_in(opened, f"fan-{opened.run}@example.org")
        await cast.link_wallet(fan, await opened.wallet(CHAIN))
        await cast.agree(fan, "PURCHASE")
        world = await _world(people, issue, fan, story, tmp_path)
        wrong: list[str] = []
        for service, rows in TABLE.items():
            for name, row in rows.items():
                if name not in OTHERS_TRY:
                    wrong += await judged(world, service, name, row)
    assert wrong == [], "\n".join(wrong)


async def _holds(artist: Person, master_id: str) -> None:
    async def mirrored() -> None:
        if not (await artist.client.portfolio.holdings(master_id=master_id)).data:
            raise NotReady("she holds no share of it yet")

    await wait_for(mirrored, within_s=60, saying="the artist's reserve is hers", every_s=0.5)


async def _world(people: Visitors, issue: Release, fan: Person, story: Story, directory: Path) -> World:
    artist, master_id = issue.artist, issue.master.id
    purchase = await fan.client.purchases.reserve(
        kind="PRIMARY", masterId=master_id, quantity=1, wallet=fan.wallet.address, paymentMethod="WALLET",
        consentVersions={},
    )  # fmt: skip
    await _holds(artist, master_id)  # her reserve: minted by the launch, hers here once that block is final
    listing = await artist.client.listings.create(master_id, token_id=story.total_shares, price_wei=10**16)
    revenue = await artist.client.revenue.record(
        master_id, source="SYNC", amountWei="1001", externalReference=f"matrix-{master_id}"
    )
    export = await artist.client.transport.answer(
        Request(method="GET", path="/analytics/export", query=QUERIES["/analytics/export"])
    )
    without = await people.signed_in(retries=ONCE)
    missing = (await without.consents.check("ARTIST")).missing
    agreed = [{"policyType": each["policyType"], "policyVersion": each["policyVersion"]} for each in missing]
    await without.user.become_artist(f"Plain {master_id[:8]}", consents=agreed)
    await without.auth.refresh()
    administrator = await people.with_second_factor()
    await people.grant(administrator, "ADMIN")
    office = await people.guest(retries=ONCE, address="127.0.0.1")  # the one address /admin is open to here
    office.transport.access_token = administrator.transport.access_token
    return World(
        everybody={
            "guest": await people.guest(retries=ONCE),
            "fan": fan.client,
            "artist": artist.client,
            "other artist": await people.artist(),
            "artist without factor": without,
            "administrator": administrator,
        },
        ids={
            "/masters": master_id,
            "/analytics/masters": master_id,
            "/purchases": purchase.purchase_id,
            "/marketplace/purchase": purchase.purchase_id,
            "/marketplace/listings": listing.id,
            "/revenue": revenue.id,
            "/analytics/exports": json.loads(export.body)["data"]["exportId"],
            "/auth/sessions": "01890000-0000-7000-8000-000000000000",
            "/admin/users": artist.id,
        },
        artist_id=artist.id,
        office=office,
        cover=await asyncio.to_thread(media.cover, directory, "Matrix"),
    )
