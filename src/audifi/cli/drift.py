"""Say what at providers is no longer as the topology says: somebody changed it there, or the topology moved on.

Between: CI on a timer, or a person, and applying.provider (finds what is there).
Shape: a plan's signs: what `audifi apply` would do about it; with --json one object by provider.
Invariant: only reads.
Errors: LocalError (exit 2) for a token, a file or a name that is wrong, and where a place that nobody named would show
as drift though it is only unknown.
Exit: 0 as wanted, 1 something differs, 2 wrong input.
Example: ./audifi drift --places places.json --token-file token
"""

import json
import sys

from audifi.cli import providing
from audifi.cli.options import JsonOption
from audifi.cli.providing import Options, ProvidersOption
from audifi.local.errors import LocalError
from audifi.targets.plan import PLACE, Action, Plan, summary, text

DEFAULT = Options()


def drift(*target: ProvidersOption, options: Options = DEFAULT, as_json: JsonOption = False) -> int:
    """Say what at providers is no longer as the topology says."""
    topology = providing.topology_of(options)
    plans: dict[str, Plan] = {}
    for name in providing.names(target, topology):
        plans[name] = providing.planned(name, providing.connected(name, options, topology))
        _comparable(name, plans[name])
    if as_json:
        told = {name: providing.told(plan, options) for name, plan in plans.items()}
        sys.stdout.write(json.dumps({"environment": options.environment, **told}, indent=2, ensure_ascii=False) + "\n")
    else:
        for name, plan in plans.items():
            said = f"\n\n{text(plan)}" if plan.changes else f" {summary(plan)}\n"
            sys.stdout.write(f"{options.environment}, {name}:{said}")
    return 1 if any(plan.changes for plan in plans.values()) else 0


def _comparable(name: str, plan: Plan) -> None:
    """Refuse to call a difference drift where what is wanted is not known."""
    updates = [change for change in plan.changes if change.action is Action.UPDATE]
    unknown = {
        place for change in updates for each in change.differences for place in PLACE.findall(json.dumps(each.wanted))
    }
    if unknown:
        quoted = ", ".join(f'"{place}"' for place in sorted(unknown))
        raise LocalError(f"{name}: drift from what? Nobody has said what {quoted} is: put it into the file of --places")
