"""Act one: an artist registers a recording, brings it, and opens its sale.

Between: play (asks), people, media, sdk.
Shape: `Release` is what the later acts need to know.
Units: *_s seconds.
Errors: Problem, TimedOut, Mismatch.
Source: domain.md 2.2 (master and IPO lifecycles), 2.8 (mint/launch).
"""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from audifi.drills.journey import media, people
from audifi.drills.journey.ledger import Ledger
from audifi.drills.journey.narration import expect
from audifi.drills.journey.people import Person
from audifi.drills.journey.stage import Telling
from audifi.drills.journey.story import CHAIN, CHAIN_ID
from audifi.local.waiting import NotReady, wait_for
from audifi.sdk import Ipo, Master, Uploaded
from audifi.wire.problems import InvalidState

PINNED_WITHIN_S: Final = 60.0
LIVE_WITHIN_S: Final = 90.0  # two deploys, a link, the reserve and the opening, each seen at depth


@dataclass(frozen=True)
class Release:
    """A master on sale."""

    artist: Person
    master: Master
    contract: str  # of the shares
    dividends: str  # where they are claimed
    ledger: Ledger


async def released(telling: Telling) -> Release:
    """Play it, until the sale is open."""
    artist = await _artist(telling)
    master = await _master(telling, artist)
    ipo = await _launched(telling, artist, master)
    ledger = Ledger(telling.stage.node(CHAIN))
    contract = ipo.contract_address or ""
    dividends = str(await ledger.read(contract, "dividendContract()", returns="address"))
    expect("the share contract's supply", await ledger.read(contract, "maxSupply()"), telling.story.total_shares)
    telling.narrator.note(f"shares at {contract}, dividends at {dividends}")
    return Release(artist, master, contract, dividends, ledger)


async def _artist(telling: Telling) -> Person:
    stage, narrator = telling.stage, telling.narrator
    async with narrator.step("an artist signs up, with a second factor and a wallet"):
        artist = await people.signed_in(stage, f"artist-{stage.run}@example.org")
        await people.enrol(artist)
        await people.link_wallet(artist, await stage.wallet(CHAIN))
    async with narrator.step("she becomes an artist"):
        await people.agree(artist, "ARTIST")
        face = await artist.client.user.become_artist(f"Nova {stage.run}", consents=[], genre="Techno")
        profile = await people.renewed(artist)
        expect("the roles in her session", "ARTIST" in profile.roles, expected=True)
        narrator.note(f"{face.artist_name}, {artist.client.transport.base_url}/v1/artists/{face.slug}")
    return artist


async def _master(telling: Telling, artist: Person) -> Master:
    masters, story, narrator = artist.client.masters, telling.story, telling.narrator
    title = f"Night Bus {telling.stage.run}"
    async with narrator.step("she registers a recording"):
        master = await masters.create(
            title=title,
            type="TRACK",
            description="Recorded in one take.",
            genre="Techno",
            bpm=124,
            durationSeconds=1,
            moodTags=["Hypnotic"],
            collaborators=[{"name": "Mira Keys", "role": "producer", "splitBps": story.collaborator_bps}],
        )
        expect("the new master's state", master.status, "DRAFT")
    async with narrator.step("she brings the recording and its cover"):
        brought = await upload(artist, master)
        narrator.note(f"audio {brought.audio_cid}, cover {brought.cover_cid}")
    async with narrator.step("she confirms her rights and locks the master"):
        versions = await people.agree(artist, "MINT")
        await masters.confirm_rights(master.id, versions)
        master = await masters.lock(master.id)
        expect("the master's state", master.status, "LOCKED")
    return master


async def _launched(telling: Telling, artist: Person, master: Master) -> Ipo:
    ipos, story, narrator = artist.client.ipos, telling.story, telling.narrator
    terms: dict[str, Any] = {
        "totalShares": story.total_shares,
        "artistReserve": story.reserve,
        "priceWei": str(story.price_wei),
        "currency": "ETH",
        "chainId": CHAIN_ID,
        "holdersBps": story.holders_bps,
    }
    async with narrator.step(f"she offers {story.public_supply} of {story.total_shares} shares"):
        ipo = await ipos.create(master.id, **terms)
        expect("the offer's state", ipo.status, "DRAFT")
        expect("what is for sale", ipo.public_supply, story.public_supply)
    async with narrator.step("she launches, as soon as her files are pinned"):
        await launch(artist, master.id)
    async with narrator.step("the contracts are deployed, the sale opens"):
        return await live(artist, master.id)


async def launch(artist: Person, master_id: str) -> None:
    """Ask for the launch until what it needs is pinned."""

    async def ask() -> None:
        try:
            await artist.client.ipos.launch(master_id)
        except InvalidState as refusal:
            if not (refusal.details or {}).get("notPinned"):
                raise
            raise NotReady(refusal.message) from refusal

    await wait_for(ask, within_s=PINNED_WITHIN_S, saying="the media is pinned", every_s=1)


async def live(artist: Person, master_id: str) -> Ipo:
    """Wait until the sale is open."""

    async def look() -> Ipo:
        found = await artist.client.ipos.find(master_id)
        if found.status != "LIVE":
            raise NotReady(f"it is {found.status}")
        return found

    return await wait_for(look, within_s=LIVE_WITHIN_S, saying="the offer is LIVE", every_s=0.5)


async def upload(artist: Person, master: Master) -> Uploaded:
    """Make and bring a recording and a cover of its own."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        audio = await asyncio.to_thread(media.recording, directory, master.title)
        cover = await asyncio.to_thread(media.cover, directory, master.title)
        return await artist.client.masters.upload(master.id, audio=audio, cover=cover)
