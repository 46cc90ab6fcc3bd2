"""React to what services want of chains and of IPFS, and to what people should read in their mail.

Between: kernel.queue (delivers, each effect exactly once), clients.chain and clients.ipfs (rows that keepers work on),
letters (mails as rows).

chain.wanted     becomes a transaction under the same key, if the key is the producer's own. Asked again: told again.
content.wanted   becomes pins; announced once the first provider's copy is verified.
the others       become mails, one per thing they tell of (letters.py).
Invariant: a key stands for one command; the same key for another is refused and ends in the dead letters.
Errors: Invalid, IdempotencyKeyReused (both end in the dead letters), Unavailable (tried again).
Source: domain.md 2.7; wire/events.
"""

from audifi.clients.ipfs.content import Content
from audifi.kernel.connection import Connection
from audifi.kernel.queue import Handler
from audifi.services.worker import commands, letters, settled
from audifi.services.worker.parts import Parts
from audifi.services.worker.store import commands as command_rows
from audifi.services.worker.store import contents, mails
from audifi.wire.events import Event, data_of
from audifi.wire.events.chain import ChainWanted, ContentWanted
from audifi.wire.problems import IdempotencyKeyReused


def handlers(parts: Parts) -> dict[str, Handler]:
    """Return the handlers of the group `worker` by event type."""

    async def on_wanted(tx: Connection, event: Event) -> None:
        data = data_of(event)
        assert isinstance(data, ChainWanted), "the registry maps this type to this class"
        await _want(tx, parts, event.producer, data)

    async def on_content(tx: Connection, event: Event) -> None:
        data = data_of(event)
        assert isinstance(data, ContentWanted), "the registry maps this type to this class"
        content = Content(
            cid=data.cid,
            sha256=data.sha256,
            size_bytes=data.size_bytes,
            car_bytes=data.car_bytes,
            profile=data.profile,
            name=data.name,
        )
        await parts.ipfs.pins.want(tx, content)
        await contents.announce_again(tx, data.cid)
        parts.ipfs.keeper.wake()

    async def on_news(tx: Connection, event: Event) -> None:
        now = parts.clock.now()
        promise = letters.promised(event, now)
        if promise is None:
            return
        if promise.kind != letters.REPORT:
            await mails.insert(tx, promise, now)
        elif not await mails.gather(tx, promise, now):
            await mails.gather(tx, letters.next_report(promise), now)
        parts.postman.wake()

    return {"chain.wanted": on_wanted, "content.wanted": on_content, **dict.fromkeys(letters.PROMISES, on_news)}


async def _want(tx: Connection, parts: Parts, producer: str, data: ChainWanted) -> None:
    commands.check_key(producer, data.key)
    commands.check_policy(producer, data.command)
    is_new = await command_rows.insert(
        tx, chain_id=data.chain_id, key=data.key, producer=producer, command=data.command
    )
    if is_new:
        sending = commands.sending(data.command, parts.roles)
        await parts.transactions.request(
            tx,
            key=data.key,
            chain_id=data.chain_id,
            to=sending.to,
            data=sending.data,
            value_wei=sending.value_wei,
        )
        return
    asked = await command_rows.find(tx, data.chain_id, data.key)
    assert asked is not None, "a row that conflicts is visible after the insert waited for it"
    if asked.command != data.command:
        raise IdempotencyKeyReused(f"{data.key} stood for another command before", details={"key": data.key})
    row = await parts.transactions.find_in(tx, data.key, data.chain_id)
    assert row is not None, "it was requested in the transaction that wrote the command"
    await settled.again(tx, row, asked)
