"""Show what fires now, and every rule that could.

Between: a person and the running Prometheus (local.sight); topology.alerts (rules, receivers, pages).
Shape: what fires or waits first, then a line per rule; with --json {"firing": […], "rules": […]}; with --page the
committed page of production's rules, which needs nothing that runs.
Units: seconds.
Errors: NotRunning through cli.main.
Exit: 0 nothing critical or worth a warning fires · 1 something does · 2 wrong use, or nothing runs
Example: ./audifi alerts · ./audifi alerts --json
"""

import asyncio
import sys
import time
from dataclasses import asdict
from typing import Annotated, Any

from cyclopts import Parameter

from audifi.cli.options import DEFAULT, InstanceOption, JsonOption, running
from audifi.cli.outbound import rows, shown
from audifi.local.sight import Sight
from audifi.topology import alerts as declared
from audifi.topology.alerts.page import page
from audifi.topology.alerts.wording import INFO
from audifi.topology.declaration import platform
from audifi.topology.model.whole import Topology


def alerts(
    *,
    page_: Annotated[bool, Parameter(name="--page", negative=(), help="Print docs/alerts.md.")] = False,
    json_: JsonOption = False,
    instance: InstanceOption = DEFAULT,
) -> int:
    """Show what fires now, and every rule that could."""
    if page_:
        sys.stdout.write(page(platform("production")))
        return 0
    found, _ = running(instance)
    told = asyncio.run(_told(Sight(found), platform("local")))
    shown(told, as_json=json_, text=_text)
    return 1 if any(each["state"] == "firing" and each["severity"] != INFO for each in told["firing"]) else 0


async def _told(sight: Sight, topology: Topology) -> dict[str, Any]:
    firing, loaded = await asyncio.gather(sight.firing(), sight.rules())
    state = {rule["name"]: rule for rule in loaded}
    rules = [
        {
            "name": rule.name,
            "severity": rule.severity,
            "receiver": declared.route(topology, rule.severity).receiver,
            "state": state[rule.name]["state"] if rule.name in state else "not loaded",  # what it is about is not here
            "forS": rule.for_s,
            "expression": rule.expression,
            "runbook": f"docs/runbooks/{rule.runbook}.md",
        }
        for rule in declared.rules(topology)
    ]
    pages = {rule["name"]: rule["runbook"] for rule in rules}
    return {"firing": [{**asdict(each), "runbook": pages.get(each.rule, "")} for each in firing], "rules": rules}


def _text(told: dict[str, Any]) -> None:
    if told["firing"]:
        titles = ("", "alert", "since", "what", "page")
        rows(titles, [_now(each) for each in told["firing"]])
    else:
        sys.stdout.write("nothing fires\n")
    sys.stdout.write("\n")
    titles = ("alert", "severity", "to", "after s", "state", "page")
    names = ("name", "severity", "receiver", "forS", "state", "runbook")
    rows(titles, [tuple(each[name] for name in names) for each in told["rules"]])


def _now(each: dict[str, Any]) -> tuple[str, ...]:
    since = f"{time.time() - each['since_s']:.0f} s"
    return (each["state"], each["rule"], since, each["summary"], each["runbook"])
