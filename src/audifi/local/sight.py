"""Ask the running Prometheus: which targets are up, what rules say now, what a query gives.

Between: cli.alerts, drills.alerts and drills.probes.watching (ask) and Prometheus' HTTP API.
Shape: a target and a rule are what Prometheus says of them, narrowed to what is read here.
Units: `since_s` seconds since the epoch.
Invariant: one question, one time-out, no retry: callers wait for conditions.
Errors: NotRunning when no Prometheus answers; LocalError with its words when it refuses a query.
Source: https://prometheus.io/docs/prometheus/2.42/querying/api/
"""

import asyncio
import datetime as dt
import http.client
import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from audifi.local.errors import LocalError, NotRunning
from audifi.local.ports import LOOPBACK
from audifi.local.state import Instance

POD: Final = "prometheus-1"
ANSWER_WITHIN_S: Final = 5.0


@dataclass(frozen=True)
class Target:
    """Something that is scraped."""

    component: str
    pod: str
    is_up: bool
    error: str


@dataclass(frozen=True)
class Firing:
    """A rule that is true for one set of labels."""

    rule: str
    severity: str
    component: str
    pod: str
    state: str  # pending | firing
    summary: str
    since_s: float


@dataclass(frozen=True)
class Sight:
    """One running Prometheus."""

    instance: Instance

    async def targets(self) -> list[Target]:
        """Everything that is scraped, as it was at the last look."""
        found = await self._asked("/api/v1/targets", state="active")
        return [_target(each) for each in found["activeTargets"]]

    async def firing(self) -> list[Firing]:
        """Alerts that fire, and those that wait until they may."""
        return [_firing(each) for each in (await self._asked("/api/v1/alerts"))["alerts"]]

    async def rules(self) -> list[dict[str, Any]]:
        """Alert rules as Prometheus has them: {name, state, health, lastError, …}."""
        groups = (await self._asked("/api/v1/rules", type="alert"))["groups"]
        return [rule for group in groups for rule in group["rules"]]

    async def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """What an expression gives now: labels and value of each series."""
        found = await self._asked("/api/v1/query", query=expression)
        return [(each["metric"], float(each["value"][1])) for each in found["result"]]

    async def _asked(self, path: str, **parameters: str) -> Any:
        port = self.instance.ports.known(POD, "http")
        if port is None:
            raise NotRunning(f"no Prometheus was ever started in {self.instance.path}: ./audifi up")
        answer = await asyncio.to_thread(_ask, port, f"{path}?{urlencode(parameters)}")
        if answer["status"] != "success":
            raise LocalError(f"Prometheus refuses {path}: {answer.get('error', answer)}")
        return answer["data"]


def _ask(port: int, path: str) -> Any:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=ANSWER_WITHIN_S)
    try:
        connection.request("GET", path)
        with connection.getresponse() as answer:
            return json.loads(answer.read())
    except (OSError, http.client.HTTPException, json.JSONDecodeError) as error:
        raise NotRunning(f"no Prometheus answers on port {port} ({error}): ./audifi status") from error
    finally:
        connection.close()


def _target(told: dict[str, Any]) -> Target:
    labels = told["labels"]
    return Target(labels.get("component", ""), labels.get("pod", ""), told["health"] == "up", told["lastError"])


def _firing(told: dict[str, Any]) -> Firing:
    labels = told["labels"]
    since = dt.datetime.fromisoformat(told["activeAt"].partition(".")[0].removesuffix("Z") + "+00:00")
    return Firing(
        rule=labels["alertname"],
        severity=labels.get("severity", ""),
        component=labels.get("component", ""),
        pod=labels.get("pod", ""),
        state=told["state"],
        summary=told["annotations"].get("summary", ""),
        since_s=since.timestamp(),
    )
