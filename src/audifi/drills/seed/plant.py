"""Make what is missing of the demo, in an order in which each part finds what it needs.

Between: cli.seed (asks) and drills.journey's people, cards, media.
Shape: administrator → artist (second factor, wallet, profile, PRO by a real checkout) → producer → recordings →
the V Studio session, planned: it is for whoever looks at the demo to go live.
Invariant: every part is looked for before it is made, so a seed that was interrupted goes on where it ended.
Units: *_s seconds.
Errors: Problem, TimedOut, Mismatch; RateLimited when it is planted more often than three times an hour (magic links).
Source: domain.md 2.8 "Demo seed".
"""

from typing import Any, Final

from audifi.drills.journey import cards, people
from audifi.drills.journey.narration import Narrator
from audifi.drills.journey.operating import grant
from audifi.drills.journey.people import Person
from audifi.drills.journey.release import launch, live, upload
from audifi.drills.journey.stage import Stage, stage
from audifi.drills.journey.story import CHAIN, CHAIN_ID
from audifi.drills.seed import demo
from audifi.drills.seed.demo import LiveSession, Offer, Recording
from audifi.drills.seed.keyring import Keyring
from audifi.local.ports import LOOPBACK
from audifi.local.state import Instance
from audifi.local.waiting import NotReady, wait_for
from audifi.sdk import Master
from audifi.wire.problems import IpoNotFound, NotFound

SUBSCRIBED_WITHIN_S: Final = 60.0
POLL_LASTS_S: Final = 3600
OPEN: Final = frozenset({"LIVE", "SOLD_OUT", "CLOSED"})


async def planted(instance: Instance, narrator: Narrator) -> None:
    """Make what is missing."""
    async with stage(instance) as opened:
        keyring = Keyring.of(instance)
        async with narrator.step(f"{demo.ADMIN}, administrator"):
            admin = await _administrator(opened, keyring, narrator)
        async with narrator.step(f"{demo.ARTIST}, artist {demo.ARTIST_NAME}"):
            artist = await _artist(opened, keyring, narrator)
        async with narrator.step(f"{demo.ARTIST} on {demo.PLAN}"):
            await _subscribed(opened, artist, narrator)
        async with narrator.step(f"{demo.PRODUCER}, producer {demo.PRODUCER_NAME}"):
            await _producer(opened, admin, narrator)
        for recording in demo.RECORDINGS:
            async with narrator.step(f"“{recording.title}”"):
                await _recording(artist, recording, narrator)
        async with narrator.step(f"“{demo.SESSION.title}”, a V Studio session"):
            await _session(artist, demo.SESSION, narrator)


async def _administrator(opened: Stage, keyring: Keyring, narrator: Narrator) -> Person:
    # From the machine's own address: the edge lets /admin in from there only.
    admin = await _somebody(opened, keyring, demo.ADMIN, address=LOOPBACK)
    if "ADMIN" in admin.profile.roles:
        narrator.note("is there")
    else:
        await grant(opened, demo.ADMIN, "ADMIN")
        await people.renewed(admin)
        narrator.note("made; the role was given by ./audifi grant")
    return admin


async def _artist(opened: Stage, keyring: Keyring, narrator: Narrator) -> Person:
    artist = await _somebody(opened, keyring, demo.ARTIST)
    wallet = await opened.wallet(CHAIN, keyring.wallet_key(demo.ARTIST))
    if any(each.address.lower() == wallet.key for each in artist.profile.wallets):
        artist.own_wallet = wallet
    else:
        await people.link_wallet(artist, wallet)
    if "ARTIST" in artist.profile.roles:
        narrator.note("is there")
        return artist
    await people.agree(artist, "ARTIST")
    await artist.client.user.update(displayName=demo.ARTIST_NAME)
    face = await artist.client.user.become_artist(demo.ARTIST_NAME, consents=[], genre="Deep House")
    await people.renewed(artist)
    narrator.note(f"made, with a second factor and a wallet: /artists/{face.slug}")
    return artist


async def _somebody(opened: Stage, keyring: Keyring, email: str, *, address: str | None = None) -> Person:
    """Sign up or in, with a second factor."""
    person = await people.signed_in(opened, email, totp=keyring.totp(email), address=address)
    if not person.profile.mfa_enabled:
        await people.enrol(person)
        assert person.totp is not None
        keyring.keep_totp(email, person.totp)
    return person


async def _subscribed(opened: Stage, artist: Person, narrator: Narrator) -> None:
    subscriptions = artist.client.subscriptions
    if (await subscriptions.current()).plan == demo.PLAN:
        narrator.note("is there")
        return
    checkout = await artist.client.payments.checkout_plan(demo.PLAN)
    await cards.pay(opened.http, checkout.url)

    async def entitled() -> None:
        found = await subscriptions.current()
        if found.plan != demo.PLAN:
            raise NotReady(f"the plan is {found.plan}, {found.status}")

    await wait_for(entitled, within_s=SUBSCRIBED_WITHIN_S, saying=f"the plan is {demo.PLAN}", every_s=0.5)
    narrator.note("subscribed by a checkout")


async def _producer(opened: Stage, admin: Person, narrator: Narrator) -> None:
    producer = await people.signed_in(opened, demo.PRODUCER)
    if "PRODUCER" in producer.profile.roles:
        narrator.note("is there")
        return
    await producer.client.user.update(displayName=demo.PRODUCER_NAME)
    await admin.client.admin.roles(producer.id, role="PRODUCER", action="GRANT")
    narrator.note("made; the administrator gave the role")


async def _recording(artist: Person, recording: Recording, narrator: Narrator) -> None:
    found = await _found(artist, recording.title)
    master = found or await _registered(artist, recording)
    if recording.offer is not None:
        if master.audio_cid is None:
            await upload(artist, master)
        if master.status == "DRAFT":
            await artist.client.masters.confirm_rights(master.id, await people.agree(artist, "MINT"))
            master = await artist.client.masters.lock(master.id)
        await _offered(artist, master, recording.offer)
    now = await _found(artist, recording.title)
    assert now is not None, "it was just there"
    offer = f", its offer {now.ipo.status}" if now.ipo is not None else ""
    is_same = found is not None and _states(found) == _states(now)
    narrator.note(f"{'is there' if is_same else 'made'}: {now.status}{offer}")


async def _session(artist: Person, wanted: LiveSession, narrator: Narrator) -> None:
    vstudio = artist.client.vstudio
    own = await vstudio.sessions(mine="true", limit=100)
    found = next((session for session in own.data if session.title == wanted.title), None)
    if found is not None:
        narrator.note(f"is there: {found.status}")
        return
    master = await _found(artist, wanted.master)
    assert master is not None, "it was just planted"
    poll: dict[str, Any] = {
        "type": "POLL",
        "question": wanted.question,
        "options": [{"label": label} for label in wanted.options],
        "durationSeconds": POLL_LASTS_S,
    }
    made = await vstudio.create(masterId=master.id, title=wanted.title, decisions=[poll])
    narrator.note(f"made: {made.status}, with {len(wanted.options)} covers to choose from")


def _states(master: Master) -> tuple[str, str | None]:
    return master.status, master.ipo.status if master.ipo is not None else None


async def _found(artist: Person, title: str) -> Master | None:
    own = await artist.client.masters.list(mine="true", include="ipo", limit=100)
    return next((master for master in own.data if master.title == title), None)


async def _registered(artist: Person, recording: Recording) -> Master:
    fields: dict[str, Any] = {
        "title": recording.title,
        "type": "TRACK",
        "genre": recording.genre,
        "bpm": recording.bpm,
    }
    if recording.seconds is not None:
        fields["durationSeconds"] = recording.seconds
    return await artist.client.masters.create(**fields)


async def _offered(artist: Person, master: Master, wanted: Offer) -> None:
    ipos = artist.client.ipos
    try:
        offer = await ipos.find(master.id)
    except (IpoNotFound, NotFound):
        terms: dict[str, Any] = {
            "totalShares": wanted.shares,
            "artistReserve": wanted.reserve,
            "priceWei": str(wanted.price_wei),
            "currency": "ETH",
            "chainId": CHAIN_ID,
            "holdersBps": wanted.holders_bps,
        }
        offer = await ipos.create(master.id, **terms)
    if not wanted.is_live or offer.status in OPEN:
        return
    if offer.status == "DRAFT":
        await launch(artist, master.id)
    await live(artist, master.id)
