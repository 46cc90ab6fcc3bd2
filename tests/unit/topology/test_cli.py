"""Call the two verbs as a person does: exit codes, JSON that parses, and messages for wrong input.

Between: pytest and cli.check, cli.topology through cyclopts.
"""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from cyclopts import App, CycloptsError

from audifi.cli.check import check, tell
from audifi.cli.topology import topology
from audifi.topology.declaration import platform

ENVIRONMENTS = ["local", "staging", "production"]


def call(verb: Callable[..., int], *arguments: str) -> int:
    app = App(result_action="return_value")
    app.default(verb)
    code: int = app(list(arguments), exit_on_error=False, print_error=False)
    return code


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_check_exits_0_and_shows_the_nine_faults(environment: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(check, "--environment", environment) == 0
    output = capsys.readouterr().out
    assert all(f"fault-{number}" in output for number in range(1, 10))
    assert f"{environment}: 0 error" in output


def test_check_speaks_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(check, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["environment"] == "local"
    assert told["ok"] is True
    assert {"severity", "component", "reason", "remedy", "rule"} == set(told["notes"][0])


@pytest.mark.parametrize("as_json", [False, True])
def test_an_error_exits_1_and_says_what_to_do(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert tell(replace(platform("local"), alert_routes=()), as_json=as_json) == 1
    output = capsys.readouterr().out
    assert "critical alerts go nowhere" in output
    assert "declare a route" in output


@pytest.mark.parametrize("form", ["tree", "mermaid", "json", "page"])
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_topology_prints_every_form(form: str, environment: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(topology, "--format", form, "--environment", environment) == 0
    assert "auth-service" in capsys.readouterr().out


def test_json_is_the_same_by_either_name(capsys: pytest.CaptureFixture[str]) -> None:
    call(topology, "--json")
    first = capsys.readouterr().out
    call(topology, "--format", "json")
    assert capsys.readouterr().out == first
    assert json.loads(first)["environment"] == "local"


@pytest.mark.parametrize("verb", [check, topology])
def test_an_unknown_environment_is_refused_with_the_known_ones(verb: Callable[..., int]) -> None:
    with pytest.raises(CycloptsError, match=r'"prod".*"production"'):
        call(verb, "--environment", "prod")


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CycloptsError, match=r'"svg".*"mermaid"'):
        call(topology, "--format", "svg")
