"""Answer an operator about what the worker keeps: `python -m audifi.services.worker.console VERB …`.

Between: audifi.local.console (runs it with a worker's environment) and the same rows and clients as the worker.
Shape: transactions; transaction REFERENCE; send CHAIN TO WEI KEY [--wait]. Each answers rows of store.py.
Invariant: it writes rows as a service would, and the worker does the rest: killed at any point it has asked, or not.
Errors: refusals of rules and settings, one line, exit 2.
"""

import argparse
import asyncio
from typing import Any, Final

from audifi.clients.chain.pool import Chain
from audifi.kernel import logs
from audifi.kernel.console import answer, progress
from audifi.kernel.settings import parse
from audifi.services.worker import store
from audifi.services.worker.parts import Parts, opened
from audifi.services.worker.settings import WorkerSettings
from audifi.wire.problems import BlockchainError, Forbidden, Invalid, NotFound, Unavailable

POLL_S: Final = 0.5
WAIT_S: Final = 120.0


async def work(options: argparse.Namespace) -> Any:
    settings = parse(WorkerSettings)
    async with opened(settings) as parts:
        match options.verb:
            case "transactions":
                return await _latest(parts)
            case "transaction":
                return await _one(parts, options.reference)
            case _:
                if settings.environment == "production":
                    raise Forbidden("money is not sent by hand in production")
                return await _send(parts, options)


async def _latest(parts: Parts) -> list[dict[str, Any]]:
    async with parts.database.read_primary() as connection:
        return _named(parts, await store.latest_transactions(connection))


async def _one(parts: Parts, reference: str) -> list[dict[str, Any]]:
    async with parts.database.read_primary() as connection:
        found = _named(parts, await store.transactions_of(connection, reference))
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
    chain_id = _number(parts, options.chain)
    if not options.wei.isdigit():
        raise Invalid(f"{options.wei!r} is not an amount of wei")
    async with parts.database.transaction() as tx:
        await parts.transactions.request(
            tx, key=options.key, chain_id=chain_id, to=options.to, value_wei=int(options.wei)
        )
    if options.wait:
        await _final(parts, options.key, chain_id)
    async with parts.database.read_primary() as connection:
        rows = _named(parts, await store.transactions_of(connection, options.key))
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


def _number(parts: Parts, word: str) -> int:
    names = {parts.chains[number].facts.name: number for number in parts.chains}
    number = int(word) if word.isdigit() else names.get(word)
    if number is None or number not in parts.chains:
        raise NotFound(f"there is no chain {word!r} here; there are {', '.join(names)}")
    return number


def _named(parts: Parts, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Chains have names for people; one that is no longer configured keeps its number."""
    for row in rows:
        number = row["chainId"]
        row["chain"] = parts.chains[number].facts.name if number in parts.chains else str(number)
    return rows


def main() -> None:
    """Read the arguments and answer."""
    logs.configure("error")
    parser = argparse.ArgumentParser(prog="audifi.services.worker.console", description="ask what the worker keeps")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("transactions")
    verbs.add_parser("transaction").add_argument("reference")
    send = verbs.add_parser("send")
    for name in ("chain", "to", "wei", "key"):
        send.add_argument(name)
    send.add_argument("--wait", action="store_true")
    answer(work(parser.parse_args()))


if __name__ == "__main__":
    main()
