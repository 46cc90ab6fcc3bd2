"""Alerts: each can be told to somebody, says what to do, and takes its numbers from where they are declared."""

from dataclasses import replace
from pathlib import Path

import pytest

from audifi.topology import alerts
from audifi.topology.alerts.page import page
from audifi.topology.declaration import platform
from audifi.topology.exposures import exposures
from audifi.topology.model.network import LinkKind

ROOT = Path(__file__).parents[3]
ENVIRONMENTS = ("local", "staging", "production")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_alert_has_a_name_of_its_own_a_receiver_and_a_component_that_exists(environment: str) -> None:
    topology = platform(environment)
    found = alerts.rules(topology)
    assert len({rule.name for rule in found}) == len(found)
    known = {component.name for component in topology.components} | {""}
    promised = {promise.name for promise in topology.promises} | {""}
    for rule in found:
        assert alerts.route(topology, rule.severity).receiver in {"slack", "pagerduty"}
        assert rule.component in known, rule.name
        assert rule.promise in promised, rule.name


@pytest.mark.parametrize("rule", alerts.rules(platform("production")), ids=lambda rule: rule.name)
def test_every_alert_has_a_page_that_names_it(rule: alerts.AlertRule) -> None:
    written = (ROOT / "docs/runbooks" / f"{rule.runbook}.md").read_text()
    assert rule.name in written.splitlines()[2], "the line `Alerts:` of the page"
    for part in ("**Users see.**", "**Look.**", "**Do.**", "**Stop when.**", "**Rehearsed by**"):
        assert part in written


def test_a_threshold_follows_its_setting_and_its_promise() -> None:
    topology = platform("local")
    lagging = replace(topology.stores.postgres, replica_lag_max_s=17)
    changed = replace(topology, stores=replace(topology.stores, postgres=lagging))
    assert alerts.rule(changed, "PostgresReplicaLagging").expression.endswith("> 17")
    fewer = tuple(
        replace(promise, budget=replace(promise.budget, amount=9))
        if promise.name == "postgres-replicas" and promise.budget
        else promise
        for promise in topology.promises
    )
    assert "< 9)" in alerts.rule(replace(topology, promises=fewer), "PostgresReplicaMissing").expression


def test_one_machine_waits_a_tenth_as_long() -> None:
    there, here = (alerts.rule(platform(name), "TargetDown") for name in ("production", "local"))
    assert (there.for_s, here.for_s) == (60, 6)
    assert alerts.reaches_within_s(platform("local"), "TargetDown") <= 20


def test_a_name_nobody_has_is_refused() -> None:
    with pytest.raises(KeyError, match="there is no alert 'Nonsense'; there are TargetDown, "):
        alerts.rule(platform("local"), "Nonsense")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_prometheus_has_a_link_to_is_exposed(environment: str) -> None:
    topology = platform(environment)
    exporters = {"redis-exporter", "blackbox-exporter"}
    linked = {link.target for link in topology.links_from("prometheus") if link.kind is LinkKind.OBSERVE} - exporters
    assert linked <= {each.component for each in exposures(topology)}


def test_the_committed_page_is_current() -> None:
    committed = (ROOT / "docs/alerts.md").read_text()
    assert committed == page(platform("production")), "./audifi alerts --page > docs/alerts.md"
