"""Look after what is pinned on IPFS: list it, add to it, audit it, repair it.

Between: a person and the worker's console, which works on the same rows as the worker's keeper.
Shape: tables for people, one JSON document with --json; progress goes to standard error.
Invariant: nothing is uploaded twice: content is known by its CID, and a provider is asked before it is given anything.
Errors: a file that is not there, a platform that does not run: said in one line, exit 2.
Exit: 0 all is well · 1 audit found damage, or repair could not mend all of it · 2 wrong use, or nothing runs
Example: ./audifi pins add cover.png && ./audifi pins audit
"""

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from audifi.cli.options import DEFAULT, InstanceOption, JsonOption
from audifi.cli.outbound import WORKER_CONSOLE, as_worker, asked, rows, shown
from audifi.local.errors import LocalError

pins = App(name="pins")


@pins.command(name="list")
def list_(*, json_: JsonOption = False, instance: InstanceOption = DEFAULT) -> int:
    """List content and where it is pinned."""
    found = asked(WORKER_CONSOLE, ["pins-list"], as_worker(instance))
    shown(found, as_json=json_, text=_contents)
    return 0


@pins.command
def add(
    file: Path,
    /,
    *,
    wait: Annotated[bool, Parameter(negative=())] = False,
    json_: JsonOption = False,
    instance: InstanceOption = DEFAULT,
) -> int:
    """Compute the CID of a file, or of a flat directory, and have it pinned.

    Parameters
    ----------
    file
        What to pin.
    wait
        Until every provider has it, verified.
    json_
        Print JSON.
    instance
        Directory of the running platform.
    """
    if not file.is_file() and not file.is_dir():
        raise LocalError(f"{file} is neither a file nor a directory")
    arguments = ["pins-add", str(file.resolve()), *(["--wait"] if wait else [])]
    found = asked(WORKER_CONSOLE, arguments, as_worker(instance))
    shown(found, as_json=json_, text=lambda each: _contents([each]))
    return 0


@pins.command
def audit(*, json_: JsonOption = False, instance: InstanceOption = DEFAULT) -> int:
    """Compare providers' lists and gateways' bytes with what should be there; change nothing."""
    found = asked(WORKER_CONSOLE, ["pins-audit"], as_worker(instance))
    shown(found, as_json=json_, text=audit_text)
    return 1 if damage(found["findings"]) else 0


@pins.command
def repair(*, json_: JsonOption = False, instance: InstanceOption = DEFAULT) -> int:
    """Audit, then bring back what is missing: from our copy, else from another gateway, hash by hash."""
    found = asked(WORKER_CONSOLE, ["pins-repair"], as_worker(instance))
    shown(found, as_json=json_, text=repair_text)
    return 1 if damage(found["left"]) else 0


def damage(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A pin nobody wants costs money, and nothing else."""
    return [finding for finding in findings if finding["fault"] != "extra"]


def _contents(found: list[dict[str, Any]]) -> None:
    if not found:
        sys.stdout.write("nothing is pinned yet: ./audifi pins add FILE\n")
        return
    titles = ("cid", "size", "state", "pins", "name")
    rows(
        titles,
        [(each["cid"], each["sizeBytes"], each["standing"], _places(each["pins"]), each["name"]) for each in found],
    )


def _places(places: list[dict[str, Any]]) -> str:
    return ", ".join(f"{place['provider']} {place['state']}" for place in places)


def audit_text(report: dict[str, Any]) -> None:
    _findings(report["findings"])
    standing = ", ".join(f"{count} {state}" for state, count in report["standing"].items()) or "none"
    sys.stdout.write(f"{report['pins']} pins compared, {report['proved']} copies fetched and hashed; ")
    sys.stdout.write(f"contents by our rows: {standing}\n")


def repair_text(report: dict[str, Any]) -> None:
    _findings(report["left"])
    sys.stdout.write(f"{len(report['found'])} findings, {report['mended']} mended, {len(report['left'])} left\n")


def _findings(findings: list[dict[str, Any]]) -> None:
    if findings:
        titles = ("provider", "cid", "fault", "")
        rows(titles, [(each["provider"], each["cid"], each["fault"], each["detail"]) for each in findings])
