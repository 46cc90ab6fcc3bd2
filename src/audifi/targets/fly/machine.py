"""Write fly.toml: the machines, when they run, and how Fly's proxy knows that one is well.

Between: topology.surface.fly and flyctl.
Units: durations as Fly writes them ("5s"), memory in MiB.
Invariant: the design's values in today's words: `auto_stop_machines` was true and is "stop", `memory_mb` is `memory`.
Errors: none.
Source: https://fly.io/docs/reference/configuration/
"""

import json
from collections.abc import Iterator
from typing import Final

from audifi.targets.files import File, header
from audifi.targets.fly.server import HEALTH
from audifi.topology.model.edge import Fly
from audifi.topology.model.whole import Topology

SOURCES: Final = ("Fly",)


def render(topology: Topology) -> File:
    """fly.toml."""
    text = header(SOURCES) + "\n".join(_lines(topology)) + "\n"
    return File(path="fly.toml", text=text, sources=SOURCES)


def app(topology: Topology) -> str:
    """The application's name at Fly.io: one per environment."""
    name = topology.surface.fly.app
    return name if topology.environment == "production" else f"{name}-{topology.environment}"


def _lines(topology: Topology) -> Iterator[str]:
    fly = topology.surface.fly
    yield f"app = {_text(app(topology))}"
    yield f"primary_region = {_text(fly.region)}"
    yield f'\n[build]\n  dockerfile = {_text(fly.dockerfile)}\n\n[deploy]\n  strategy = "bluegreen"'
    yield from _service(fly)
    yield f"\n[[vm]]\n  cpu_kind = {_text(fly.cpu_kind)}\n  cpus = {fly.cpus}\n  memory = {_text(f'{fly.memory_mb}mb')}"


def _service(fly: Fly) -> Iterator[str]:
    yield f"""
[http_service]
  internal_port = {fly.internal_port}
  force_https = {_switch(fly.force_https)}
  auto_stop_machines = {_text("stop" if fly.auto_stop else "off")}
  auto_start_machines = {_switch(fly.auto_start)}
  min_machines_running = {fly.machines_min}

  [http_service.concurrency]
    type = "requests"
    soft_limit = {fly.requests_soft}
    hard_limit = {fly.requests_hard}

  [[http_service.checks]]
    method = "GET"
    path = {_text(HEALTH)}
    interval = "15s"
    timeout = "2s"
    grace_period = "5s\""""


def _text(value: str) -> str:
    return json.dumps(value)  # a basic string of TOML has JSON's escapes


def _switch(is_on: bool) -> str:
    return "true" if is_on else "false"
