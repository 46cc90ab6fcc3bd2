"""Answer an operator about what the worker keeps: `python -m audifi.services.worker.console VERB …`.

Between: audifi.local.console (runs it with a worker's environment) and the same rows and clients as the worker.
Shape: transactions; transaction REFERENCE; send CHAIN TO WEI KEY [--wait] → rows of store.transactions. pins-list;
pins-add PATH [--wait] → ContentStatus; pins-audit → AuditReport; pins-repair → RepairReport (clients.ipfs). queue-list;
queue-show REFERENCE; queue-retry REFERENCE (or `all`); queue-discard NAME → letterbox.
Invariant: it writes rows as a service would, and the worker does the rest: killed at any point it has asked, or not.
Errors: refusals of rules and settings, one line, exit 2.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from audifi.clients.chain.pool.chains import Chain
from audifi.clients.chain.providers import chain_id_of
from audifi.clients.ipfs.audit import AuditReport
from audifi.clients.ipfs.content import ContentError
from audifi.clients.ipfs.pins import ContentStatus
from audifi.clients.ipfs.policy import Standing
from audifi.clients.ipfs.repair import RepairReport
from audifi.kernel import logs
from audifi.kernel.console import answer, progress
from audifi.kernel.context import PROCESS
from audifi.kernel.settings import parse
from audifi.services.worker.letterbox import Letterbox
from audifi.services.worker.parts import Parts, opened
from audifi.services.worker.settings import WorkerSettings
from audifi.services.worker.store import transactions
from audifi.wire.problems import BlockchainError, Forbidden, Invalid, NotFound, Unavailable

POLL_S: Final = 0.5
WAIT_S: Final = 120.0


async def _latest(parts: Parts, _: argparse.Namespace) -> list[dict[str, Any]]:
    async with parts.database.read_primary() as connection:
        return _named(parts, await transactions.latest_transactions(connection))


async def _one(parts: Parts, options: argparse.Namespace) -> list[dict[str, Any]]:
    reference = options.reference
    async with parts.database.read_primary() as connection:
        found = _named(parts, await transactions.transactions_of(connection, reference))
    if not found:
        raise NotFound(f"no transaction has the key or the hash {reference!r}; see: audifi chain tx list")
    for row in found:
        row["providers"] = await _known(parts.chains[row["chainId"]], row["versions"])
    return found


async def _known(chain: Chain, versions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the chain's providers, asked together, say of each version."""
    found: list[dict[str, Any]] = []
    for version in versions:
        try:
            receipt = await chain.receipt(version["hash"])
            text = f"in block {int(receipt['blockNumber'], 16)}" if receipt else "not in a block"
        except BlockchainError as error:
            text = error.message
        found.append({"hash": version["hash"], "text": text})
    return found


async def _send(parts: Parts, options: argparse.Namespace) -> list[dict[str, Any]]:
    if parts.is_production:
        raise Forbidden("money is not sent by hand in production")
    chain_id = chain_id_of(options.chain, parts.chains)
    if not options.wei.isdigit():
        raise Invalid(f"{options.wei!r} is not an amount of wei")
    async with parts.database.transaction() as tx:
        await parts.transactions.request(
            tx, key=options.key, chain_id=chain_id, to=options.to, value_wei=int(options.wei)
        )
    if options.wait:
        await _final(parts, options.key, chain_id)
    async with parts.database.read_primary() as connection:
        rows = _named(parts, await transactions.transactions_of(connection, options.key))
    return [row for row in rows if row["chainId"] == chain_id]


async def _final(parts: Parts, key: str, chain_id: int) -> None:
    """Wait until it is settled, telling each state on the way."""
    state = ""
    try:
        async with asyncio.timeout(WAIT_S):
            while True:
                found = await parts.transactions.find(key, chain_id)
                assert found is not None, "the row was committed before"
                if found.state.value != state:
                    state = found.state.value
                    progress(f"{key}: {state}{f' ({found.error})' if found.error else ''}")
                if found.is_settled:
                    return
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise Unavailable(
            f"{key} is {state} after {WAIT_S:g} s; the worker goes on with it: audifi chain tx show {key}"
        ) from None


async def _contents(parts: Parts, _: argparse.Namespace) -> list[ContentStatus]:
    return [each async for each in parts.ipfs.list()]


async def _audited(parts: Parts, _: argparse.Namespace) -> AuditReport:
    return await parts.ipfs.audit(progress)


async def _repaired(parts: Parts, _: argparse.Namespace) -> RepairReport:
    return await parts.ipfs.repair(progress)


async def _pinned(parts: Parts, options: argparse.Namespace) -> ContentStatus:
    """Keep the bytes, promise their pins and, if asked, wait for the worker to keep the promise."""
    try:
        found = await parts.ipfs.add(Path(options.path))
    except ContentError as error:
        raise Invalid(str(error)) from error
    told = ""
    try:
        async with asyncio.timeout(WAIT_S):
            while options.wait and found.standing is not Standing.PINNED:
                states = ", ".join(f"{pin.provider} {pin.state}" for pin in found.pins)
                if states != told:
                    told = states
                    progress(f"{found.cid}: {states}")
                await asyncio.sleep(POLL_S)
                async with parts.database.read_primary() as connection:
                    found = await parts.ipfs.pins.status(connection, found.cid) or found
    except TimeoutError:
        text = (
            f"{found.cid} is {found.standing.value} after {WAIT_S:g} s ({told}); the worker goes on: audifi pins list"
        )
        raise Unavailable(text) from None
    return found


async def _queue(parts: Parts, _: argparse.Namespace) -> list[dict[str, Any]]:
    return await _letterbox(parts).listed()


async def _letters(parts: Parts, options: argparse.Namespace) -> list[dict[str, Any]]:
    return await _letterbox(parts).shown(options.reference)


async def _retried(parts: Parts, options: argparse.Namespace) -> dict[str, Any]:
    box = _letterbox(parts)
    return await (box.retry_all() if options.reference == "all" else box.retry(options.reference))


async def _discarded(parts: Parts, options: argparse.Namespace) -> dict[str, Any]:
    return await _letterbox(parts).discard(options.reference)


def _letterbox(parts: Parts) -> Letterbox:
    return Letterbox(parts.queue, parts.database)


def _named(parts: Parts, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Chains have names for people; one that is no longer configured keeps its number."""
    for row in rows:
        number = row["chainId"]
        row["chain"] = parts.chains[number].facts.name if number in parts.chains else str(number)
    return rows


VERBS: Final[Mapping[str, Callable[[Parts, argparse.Namespace], Awaitable[Any]]]] = {
    "transactions": _latest,
    "transaction": _one,
    "send": _send,
    "pins-list": _contents,
    "pins-add": _pinned,
    "pins-audit": _audited,
    "pins-repair": _repaired,
    "queue-list": _queue,
    "queue-show": _letters,
    "queue-retry": _retried,
    "queue-discard": _discarded,
}
ARGUMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "transaction": ("reference",),
    "send": ("chain", "to", "wei", "key"),
    "pins-add": ("path",),
    **dict.fromkeys(("queue-show", "queue-retry", "queue-discard"), ("reference",)),
}


async def work(options: argparse.Namespace) -> Any:
    """Do one verb with everything open."""
    settings = parse(WorkerSettings)
    PROCESS.service, PROCESS.pod, PROCESS.version = settings.service, f"{settings.pod}-console", settings.version
    async with opened(settings) as parts:
        return msgspec.to_builtins(await VERBS[options.verb](parts, options))


def main() -> None:
    """Read the arguments and answer."""
    logs.configure("error")
    parser = argparse.ArgumentParser(prog="audifi.services.worker.console", description="ask what the worker keeps")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in VERBS:
        one = verbs.add_parser(verb)
        for name in ARGUMENTS.get(verb, ()):
            one.add_argument(name)
        if verb in {"send", "pins-add"}:
            one.add_argument("--wait", action="store_true")
    answer(work(parser.parse_args()))


if __name__ == "__main__":
    main()
