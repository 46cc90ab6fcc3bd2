"""Ask the blockchains as the platform does: through its providers, with its failover.

Between: a person, `python -m audifi.clients.chain` (reads) and the worker's console (our own transactions).
Shape: tables for people, one JSON document with --json; an answer of `call` that is not text is JSON always.
Invariant: a key is shown nowhere; live providers are named by AUDIFI_RPC_PROVIDERS (chain_id:provider=url,… with
{key} in the URL) and AUDIFI_RPC_KEYS (provider=key,…) only, never by an argument.
Errors: a method that may not be called, a wrong chain, no provider: said in one line, exit 2.
Exit: 0 asked · 1 doctor found an error, or a chain has no usable provider · 2 wrong use, or nothing runs
Example: ./audifi chain call eth_getBalance 0x000000000000000000000000000000000000dEaD latest --chain base
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from audifi.cli.options import DEFAULT, InstanceOption, JsonOption
from audifi.cli.outbound import WORKER_CONSOLE, as_worker, asked, rows, shown

PROGRAM: Final = "audifi.clients.chain"

chain = App(name="chain")
tx = App(name="tx", help="Send, list and show the platform's own transactions.")
chain.command(tx)

ChainOption = Annotated[str, Parameter(name="--chain", help="Its name or number: ethereum, 137, …")]
MaybeChain = Annotated[str | None, Parameter(name="--chain", help="Only this one, by name or number.")]


def told(instance: Path) -> dict[str, str]:
    """What the platform's worker is told; or, with AUDIFI_RPC_PROVIDERS set, that."""
    shell = os.environ  # noqa: TID251  # live keys come from the operator's shell: an argument would show them
    if "AUDIFI_RPC_PROVIDERS" not in shell:
        return as_worker(instance)
    return {"RPC_PROVIDERS": shell["AUDIFI_RPC_PROVIDERS"], "RPC_KEYS": shell.get("AUDIFI_RPC_KEYS", "")}


@chain.command
def status(
    *,
    chain: MaybeChain = None,
    json_: JsonOption = False,
    instance: InstanceOption = DEFAULT,
) -> int:
    """Show every provider of every chain: who answers, how high, how fast."""
    found = asked(PROGRAM, ["status", *([chain] if chain else [])], told(instance))
    shown(found, as_json=json_, text=status_table)
    return 0 if is_every_chain_usable(found) else 1


def is_every_chain_usable(found: list[dict[str, Any]]) -> bool:
    return {row["chain"] for row in found} == {row["chain"] for row in found if row["usable"]}


def status_table(found: list[dict[str, Any]]) -> None:
    titles = ("chain", "provider", "state", "head", "behind", "latency", "")
    rows(
        titles,
        [
            (
                row["chain"],
                row["provider"],
                row["state"],
                row["head"],
                row["behind"],
                None if row["latencyMs"] is None else f"{row['latencyMs']:.0f} ms",
                row["detail"],
            )
            for row in found
        ],
    )


@chain.command
def call(
    method: str,
    /,
    *params: Annotated[str, Parameter(allow_leading_hyphen=True, help="Each as JSON, or as plain text.")],
    chain: ChainOption = "ethereum",
    json_: JsonOption = False,
    instance: InstanceOption = DEFAULT,
) -> int:
    """Call a JSON-RPC method that reads."""
    found = asked(PROGRAM, ["call", chain, method, *params], told(instance))
    shown(found, as_json=json_ or not isinstance(found, str), text=line)
    return 0


def line(text: str) -> None:
    sys.stdout.write(f"{text}\n")


@tx.command(name="list")
def list_(*, json_: JsonOption = False, instance: InstanceOption = DEFAULT) -> int:
    """List the latest transactions the platform sent, or is about to."""
    found = asked(WORKER_CONSOLE, ["transactions"], as_worker(instance))
    shown(found, as_json=json_, text=_transaction_table)
    return 0


@tx.command
def show(reference: str, /, *, json_: JsonOption = False, instance: InstanceOption = DEFAULT) -> int:
    """Show one by its key, or by any hash it was ever sent with: every version, and what each provider knows of it."""
    found = asked(WORKER_CONSOLE, ["transaction", reference], as_worker(instance))
    shown(found, as_json=json_, text=_transaction_pages)
    return 0


@tx.command
def send(
    to: str,
    /,
    *,
    wei: int,
    key: str,
    chain: ChainOption = "ethereum",
    wait: Annotated[bool, Parameter(negative=(), help="Until it is final.")] = False,
    json_: JsonOption = False,
    instance: InstanceOption = DEFAULT,
) -> int:
    """Send wei from the platform's signer. The same key sends once, however often it is said.

    Parameters
    ----------
    to
        The receiver's address.
    wei
        How much.
    key
        Your own name for this transaction.
    chain
        Its name or number.
    wait
        Until it is final.
    json_
        Print JSON.
    instance
        Directory of the running platform.
    """
    arguments = ["send", chain, to, str(wei), key, *(["--wait"] if wait else [])]
    found = asked(WORKER_CONSOLE, arguments, as_worker(instance))
    shown(found, as_json=json_, text=_transaction_table)
    return 0


def _transaction_pages(found: list[dict[str, Any]]) -> None:
    _transaction_table(found)
    for row in found:
        versions = [(each["hash"], each["feeMaxWei"], "filler" if each["isFiller"] else "") for each in row["versions"]]
        sys.stdout.write(
            f"\n{row['key']} on {row['chain']}: {row['valueWei']} wei to {row['to']}, {len(versions)} signed\n"
        )
        rows(("hash", "at most, wei per gas", ""), versions)
        rows(("hash", "where its providers see it"), [(each["hash"], each["text"]) for each in row["providers"]])


def _transaction_table(found: list[dict[str, Any]]) -> None:
    if not found:
        sys.stdout.write("the platform has sent no transactions yet\n")
        return
    titles = ("key", "chain", "state", "nonce", "hash", "block", "")
    rows(
        titles,
        [tuple(row[name] for name in ("key", "chain", "state", "nonce", "hash", "block", "detail")) for row in found],
    )


@chain.command
def doctor(
    *,
    chain: MaybeChain = None,
    json_: JsonOption = False,
    instance: InstanceOption = DEFAULT,
) -> int:
    """Check each endpoint: chain id, head lag, archive, finality tags, batches, rate limit."""
    found = asked(PROGRAM, ["doctor", *([chain] if chain else [])], told(instance))
    shown(found, as_json=json_, text=_findings)
    return 1 if any(finding["level"] == "error" for finding in found) else 0


def _findings(found: list[dict[str, Any]]) -> None:
    titles = ("chain", "provider", "check", "", "")
    rows(
        titles, [tuple(finding[name] for name in ("chain", "provider", "check", "level", "text")) for finding in found]
    )
