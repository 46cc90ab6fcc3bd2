"""What watches: the programs that read these files accept them, and rules say what they should on planted series."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from audifi.targets.alerting import alertmanager
from audifi.targets.prometheus import prober, rules, scrape
from audifi.topology import alerts
from audifi.topology.declaration import platform
from audifi.topology.exposures import exposures

MACHINE = scrape.Machine(
    addresses={each.component: {f"{each.component}-1": "127.0.0.1:7001"} for each in exposures(platform("local"))},
    exporters={"redis-exporter": "127.0.0.1:7002", "blackbox-exporter": "127.0.0.1:7003"},
    public=(scrape.Public(name="api", host="api.audifi.localhost", url="https://127.0.0.1:7005/health"),),
    alertmanagers=("127.0.0.1:7004",),
)
RECEIVERS = alertmanager.Receivers(slack_webhook_file="/run/secrets/slack", pagerduty_key_file="/run/secrets/pagerduty")


def checked(*command: str) -> str:
    program = shutil.which(command[0])
    assert program, f"{command[0]} is not installed (packages.apt lists it)"
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def written(environment: str, directory: Path) -> Path:
    """prometheus.yml and rules.yml."""
    topology = platform(environment)
    place = MACHINE if environment == "local" else scrape.production(topology)
    (directory / "prometheus.yml").write_text(scrape.render(topology, place, rule_file="rules.yml"))
    text = rules.render(alerts.rules(topology), evaluate_s=topology.watching.evaluate_s)
    (directory / "rules.yml").write_text(text)
    return directory / "prometheus.yml"


@pytest.mark.parametrize("environment", ["local", "production"])
def test_prometheus_accepts_its_files(environment: str, tmp_path: Path) -> None:
    assert "SUCCESS" in checked("promtool", "check", "config", str(written(environment, tmp_path)))


@pytest.mark.parametrize("environment", ["local", "production"])
def test_alertmanager_accepts_its_file_and_routes_by_severity(environment: str, tmp_path: Path) -> None:
    path = tmp_path / "alertmanager.yml"
    path.write_text(alertmanager.render(platform(environment), RECEIVERS))
    checked("amtool", "check-config", str(path))
    for severity in ("critical", "warning", "info"):
        to = checked("amtool", "config", "routes", "test", f"--config.file={path}", f"severity={severity}")
        assert to.strip() == severity
    assert "/run/secrets/" in path.read_text()


def test_the_prober_accepts_its_file(tmp_path: Path) -> None:
    path = tmp_path / "blackbox.yml"
    path.write_text(prober.render())
    checked("prometheus-blackbox-exporter", "--config.check", f"--config.file={path}")


def test_every_target_says_whose_pod_it_is() -> None:
    jobs = yaml.safe_load(scrape.render(platform("local"), MACHINE, rule_file="r"))["scrape_configs"]
    labels = [each["labels"] for job in jobs for each in job["static_configs"]]
    assert all(each.keys() - {"__param_hostname"} == {"component", "pod", "instance"} for each in labels)
    (redis,) = [job for job in jobs if job["job_name"] == "redis-queue"]
    assert redis["static_configs"][0]["targets"] == ["redis://127.0.0.1:7001"]
    assert redis["relabel_configs"][-1] == {"target_label": "__address__", "replacement": "127.0.0.1:7002"}


def series(text: str, values: str) -> dict[str, str]:
    return {"series": text, "values": values}


UP = [series(f'up{{component="postgres",pod="postgres-{n}"}}', "1x60") for n in (1, 2, 3)]
PLANTED: list[tuple[str, list[dict[str, str]], list[tuple[str, int, bool]]]] = [
    (
        "a primary that is back in time is no alert, one that stays away is",
        [*UP, series('patroni_primary{pod="postgres-1"}', "1x10 0x4 1x10 0x30")],
        [("PostgresWithoutPrimary", 14, False), ("PostgresWithoutPrimary", 34, True)],
    ),
    (
        "an exporter that answers for a Redis that does not",
        [
            series('up{component="redis-queue",pod="redis-queue-1"}', "1x30"),
            series('redis_up{component="redis-queue",pod="redis-queue-1"}', "1x5 0x25"),
        ],
        [("ComponentDown", 4, False), ("ComponentDown", 12, True)],
    ),
    (
        "a component with a pod left is not down; the pod is",
        [
            series('up{component="auth-service",pod="auth-service-1"}', "1x30"),
            series('up{component="auth-service",pod="auth-service-2"}', "0x30"),
        ],
        [("ComponentDown", 20, False), ("TargetDown", 4, False), ("TargetDown", 20, True)],
    ),
    (
        "an idle replica is not behind, one that does not replay is",
        [
            series('patroni_replica{pod="postgres-2"}', "1x60"),
            series('patroni_xlog_location{pod="postgres-1"}', "100x20 200x40"),
            series('patroni_xlog_replayed_location{pod="postgres-2"}', "100x60"),
            series('patroni_xlog_replayed_timestamp{pod="postgres-2"}', "0x60"),
        ],
        [("PostgresReplicaLagging", 19, False), ("PostgresReplicaLagging", 40, True)],
    ),
    (
        "a backup is late after two of its periods",
        [
            series('backup_age_s{component="postgres"}', "7000x10 7300x30"),
            series('backup_period_s{component="postgres"}', "3600x40"),
        ],
        [("BackupLate", 9, False), ("BackupLate", 30, True)],
    ),
    (
        "letters about money page, others do not",
        [series('queue_dead_letters_kept{component="nft-service",stream="events:payment"}', "0x5 1x20")],
        [("QueueDeadLettersOfMoney", 4, False), ("QueueDeadLettersOfMoney", 10, True), ("QueueDeadLetters", 20, False)],
    ),
]


def test_rules_say_what_they_should_on_planted_series(tmp_path: Path) -> None:
    written("local", tmp_path)
    cases: list[dict[str, Any]] = [
        {
            "name": name,
            "interval": "1s",
            "input_series": planted,
            "promql_expr_test": [_asked(*each) for each in wanted],
        }
        for name, planted, wanted in PLANTED
    ]
    (tmp_path / "cases.yml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": "1s", "tests": cases})
    )
    checked("promtool", "test", "rules", str(tmp_path / "cases.yml"))


def _asked(rule: str, at_s: int, fires: bool) -> dict[str, Any]:  # a row of the table above
    expression = f'count(ALERTS{{alertname="{rule}",alertstate="firing"}})'
    samples = [{"labels": "{}", "value": 1}] if fires else []
    return {"expr": expression, "eval_time": f"{at_s}s", "exp_samples": samples}
