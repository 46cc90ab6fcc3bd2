"""Show what must change at providers to make them as the topology says; change nothing.

Between: a person or CI, and applying.provider (finds what is there).
Shape: `+` created, `~` updated, `-` deleted, fields below; with --json one object by provider.
Invariant: only reads. A plan has a fingerprint, by which `audifi apply` is told that this one was meant.
Errors: LocalError (exit 2) for a token, a file or a name that is wrong.
Exit: 0 planned, 1 a plan that apply would refuse, 2 wrong input.
Example: ./audifi plan cloudflare --places places.json --token-file token
"""

import json
import sys

from audifi.cli import providing
from audifi.cli.options import JsonOption
from audifi.cli.providing import Options, ProvidersOption
from audifi.targets.plan import Plan, refusal, text

DEFAULT = Options()


def plan(*target: ProvidersOption, options: Options = DEFAULT, as_json: JsonOption = False) -> int:
    """Show what must change at providers."""
    topology = providing.topology_of(options)
    plans = {
        name: providing.planned(name, providing.connected(name, options, topology))
        for name in providing.names(target, topology)
    }
    if as_json:
        told = {name: providing.told(each, options) for name, each in plans.items()}
        sys.stdout.write(json.dumps({"environment": options.environment, **told}, indent=2, ensure_ascii=False) + "\n")
    else:
        for name, each in plans.items():
            sys.stdout.write(_shown(name, each, options))
    refused = [refusal(each, deletions_allowed=options.allow_deletions) for each in plans.values()]
    return 1 if any(refused) else 0


def _shown(name: str, plan: Plan, options: Options) -> str:
    lines = [f"{options.environment}, {name}:", "", text(plan)]
    hints = providing.hints(plan, options)
    lines += hints
    if plan.changes and not hints:
        lines.append(f"Apply exactly this: ./audifi apply {name} -e {options.environment} --plan {plan.fingerprint}")
    return "\n".join(lines) + "\n"
