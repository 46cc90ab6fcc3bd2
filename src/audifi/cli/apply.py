"""Carry out a plan at one provider, after somebody confirmed exactly that plan.

Between: a person or CI, and applying.provider (plans again, then changes).
Shape: the plan, then a line for each thing that was done; with --json one object at the end.
Invariant: nothing changes without a fingerprint: typed here, or given as --plan from `audifi plan`. Too many deletions
are refused whatever is confirmed, until they are allowed by their number.
Errors: LocalError (exit 2) for a token, a file or a name that is wrong, and where nobody can be asked.
Exit: 0 applied, or nothing to do, 1 refused, not confirmed or stopped on the way, 2 wrong input.
Example: ./audifi apply cloudflare --places places.json --token-file token --plan 4f2a91c03b7d
"""

import json
import sys
from typing import Annotated

from cyclopts import Parameter

from audifi.applying.provider import Provider, Unusable
from audifi.cli import providing
from audifi.cli.options import JsonOption
from audifi.cli.providing import Options
from audifi.local.errors import LocalError
from audifi.targets.plan import Plan, text

DEFAULT = Options()
TargetOption = Annotated[str, Parameter(help=f"Which provider: {providing.NAMES}.")]
PlanOption = Annotated[
    str, Parameter(name="--plan", help="Fingerprint of the plan that is meant: no question is asked.")
]


def apply(
    target: TargetOption, *, options: Options = DEFAULT, fingerprint: PlanOption = "", as_json: JsonOption = False
) -> int:
    """Carry out a plan at one provider."""
    topology = providing.topology_of(options)
    (name,) = providing.names((target,), topology)
    connection = providing.connected(name, options, topology)
    plan = providing.planned(name, connection)
    if not as_json:
        sys.stdout.write(f"{options.environment}, {name}:\n\n{text(plan)}")
    if not plan.changes:
        return _told(plan, [], "", as_json=as_json)
    if hints := providing.hints(plan, options):
        return _told(plan, [], " ".join(hints), as_json=as_json)
    if problem := _unconfirmed(plan, fingerprint):
        return _told(plan, [], problem, as_json=as_json)
    done, problem = _applied(connection, plan, is_quiet=as_json)
    return _told(plan, done, problem, as_json=as_json)


def _unconfirmed(plan: Plan, fingerprint: str) -> str:
    """Why the plan is not confirmed; empty if it is."""
    if fingerprint:
        said = fingerprint
    elif sys.stdin.isatty():
        sys.stdout.write(f"\nType {plan.fingerprint} to apply this plan: ")
        sys.stdout.flush()
        said = sys.stdin.readline().strip()
    else:
        raise LocalError(f"nobody can be asked here: say which plan is meant, --plan {plan.fingerprint}")
    if said == plan.fingerprint:
        return ""
    return f"Not confirmed: this plan is {plan.fingerprint}, not {said or 'nothing'}; nothing was changed."


def _applied(connection: Provider, plan: Plan, *, is_quiet: bool) -> tuple[list[str], str]:
    """What was done, and what stopped it."""
    done: list[str] = []
    try:
        for line in connection.apply(plan):
            done.append(line)
            if not is_quiet:
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
    except Unusable as error:
        return done, f"Stopped after {len(done)} of {len(plan.changes)}: {error}."
    return done, ""


def _told(plan: Plan, done: list[str], problem: str, *, as_json: bool) -> int:
    if as_json:
        told = {"fingerprint": plan.fingerprint, "changes": len(plan.changes), "done": done, "problem": problem}
        sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    elif problem:
        sys.stderr.write(f"audifi: {problem}\n")
    elif done:
        sys.stdout.write(f"\nDone: {len(done)} of {len(plan.changes)}.\n")
    return 1 if problem else 0
