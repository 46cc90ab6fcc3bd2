"""Prove that the books agree with the chains, or say exactly where they do not.

Between: a person, or a month's closing, and nft-service's console, which asks Postgres and the chains.
Shape: totals first, then each difference with what it means and what to do; one JSON document with --json.
Units: whole ETH or MATIC, and wei behind it: 10^18 of them are one.
Errors: nothing runs, or a chain does not answer: said in one line, exit 2.
Exit: 0 the books agree · 1 something differs · 2 wrong use, or nothing runs
Example: ./audifi reconcile --json > books-2026-11.json
"""

import sys
from pathlib import Path
from typing import Any, Final

from audifi.cli.options import DEFAULT, InstanceOption, JsonOption, running
from audifi.cli.outbound import asked, shown
from audifi.local.resolution import environment
from audifi.topology.declaration import platform

POD: Final = "nft-service-1"  # whose environment the program is given
CONSOLE: Final = "audifi.services.nft.console"
WHOLE: Final = 10**18
_SALES: Final = (
    ("sold to buyers by wallet", "salesWei"),
    ("  of it, platform's fee", "platformFeesWei"),
    ("  of it, artists' part", "artistsWei"),
    ("withdrawn from the contracts", "withdrawnWei"),
    ("still in the contracts", "heldWei"),
)
_DIVIDENDS: Final = (
    ("deposited for holders", "depositedWei"),
    ("allocated to wallets", "allocatedWei"),
    ("claimed by wallets", "claimedWei"),
    ("waiting to be claimed", "unclaimedWei"),
)


def reconcile(*, json_: JsonOption = False, instance: InstanceOption = DEFAULT) -> int:
    """Compare what the database says of shares and money with the chains, at a block that cannot be undone."""
    found = asked(CONSOLE, ["reconcile"], told(instance))
    shown(found, as_json=json_, text=page)
    return 1 if found["differences"] else 0


def told(instance: Path) -> dict[str, str]:
    """What a pod of nft-service of the running platform is told."""
    found, _ = running(instance)
    return environment(found, platform("local"), POD)


def page(report: dict[str, Any]) -> None:
    """Print the report for a person."""
    sys.stdout.write(f"Reconciliation of {report['at']}\n")
    for line in report["chains"]:
        sys.stdout.write(_chain(line))
    if not report["chains"]:
        sys.stdout.write("\nNo master is on a chain yet: there is nothing to compare.\n")
    if report["cardsCompared"] is not None:
        sys.stdout.write(f"\n{report['cardsCompared']} payments by card compared with payment-service.\n")
    for text in report["notCompared"]:
        sys.stdout.write(f"\nNot compared: {text}.\n")
    sys.stdout.write(_differences(report["differences"]))


def _chain(line: dict[str, Any]) -> str:
    currency = line["currency"]
    behind = "" if line["mirroredBlock"] >= line["block"] else ", behind"
    head = (
        f"\n{line['chain']} ({line['chainId']}), block {line['block']}{behind}: {line['masters']} masters, "
        f"{line['sharesSold']} of {line['sharesOffered']} shares sold, {line['sharesCompared']} owners compared\n"
    )
    rows = [(name, line[key]) for name, key in (*_SALES, *_DIVIDENDS)]
    return head + "".join(f"  {name:<30}{amount(value, currency):>34}   {value} wei\n" for name, value in rows)


def amount(value: str, currency: str) -> str:
    """Return whole coins without a float: 1500000000000000000 → 1.5 ETH."""
    sign, number = ("-", -int(value)) if value.startswith("-") else ("", int(value))
    whole, rest = divmod(number, WHOLE)
    digits = f"{rest:018d}".rstrip("0")
    return f"{sign}{whole:,}{'.' if digits else ''}{digits} {currency}"


def _differences(found: list[dict[str, Any]]) -> str:
    if not found:
        return "\nThe books agree with the chains: nothing differs.\n"
    text = f"\n{len(found)} {'thing differs' if len(found) == 1 else 'things differ'}:\n"
    for number, each in enumerate(found, start=1):
        text += f"\n{number}. {each['title']} ({each['subject']}): {each['what']}\n"
        text += f"   ours: {each['ours']}\n" + (f"   the chain's: {each['theirs']}\n" if each["theirs"] else "")
        text += f"   What it means: {each['means']}\n   What to do: {each['remedy']}\n"
    return text
