"""octoDNS makes the stand-in's zone what we render, says nothing more to do, names a drift and repairs it.

Between: applying.dns and a process of local.standins.cloudflare.
Shape: one stand-in per test; requests tamper with it as a person at the provider's page would.
"""

import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from audifi.applying.dns import connected
from audifi.applying.provider import Access, Provider, Unusable
from audifi.local.binaries import SEARCH_PATH, binary
from audifi.targets.dns import octodns
from audifi.targets.plan import Action, Plan, refusal
from audifi.topology import places
from audifi.topology.declaration import platform
from audifi.topology.model.whole import Topology

TOKEN = "of-the-tests"
PLACES = {"load balancer": "203.0.113.7", "websocket load balancer": "203.0.113.8", "sendgrid dkim": "k.sendgrid.net."}
ANSWER_WITHIN_S = 5


@dataclass(frozen=True)
class Account:
    """A stand-in that runs."""

    api_url: str

    def provider(self, environment: str = "production", token: str = TOKEN) -> Provider:
        return connected(Access(token=token, api_url=self.api_url, places=PLACES), platform(environment))

    def ask(self, method: str, path: str, **body: Any) -> Any:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = f"{self.api_url}{path}"
        answer = requests.request(method, url, headers=headers, json=body or None, timeout=ANSWER_WITHIN_S)
        answer.raise_for_status()
        return answer.json()["result"]

    def records(self) -> list[dict[str, Any]]:
        return self.ask("GET", f"/zones/{self.zone}/dns_records?per_page=100")

    @property
    def zone(self) -> str:
        return str(self.ask("GET", "/zones")[0]["id"])

    def make(self, environment: str = "production") -> Plan:
        provider = self.provider(environment)
        plan = provider.plan()
        assert len(list(provider.apply(plan))) == len(plan.changes)
        return plan


@pytest.fixture
def account(tmp_path: Path) -> Generator[Account]:
    """An account with the zone, as it was registered."""
    with standin(tmp_path) as found:
        yield found


@contextmanager
def standin(directory: Path, *options: str) -> Generator[Account]:
    key = directory / "token"
    key.write_text(TOKEN)
    argv = [sys.executable, "-m", "audifi.local.standins.cloudflare", "--token-file", str(key), *options]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Account(process.stdout.readline().removeprefix("ready ").strip())
        finally:
            process.send_signal(signal.SIGTERM)


def test_plan_apply_plan_again_drift_and_repair(account: Account) -> None:
    first = account.make()
    assert {change.action for change in first.changes} == {Action.CREATE}
    assert len(first.changes) == len({(r.name, r.type) for r in platform("production").surface.dns_records})
    assert not account.provider().plan().changes, "a second plan finds nothing to do"
    record = next(each for each in account.records() if each["name"] == "api.audifi.io")
    account.ask("PATCH", f"/zones/{account.zone}/dns_records/{record['id']}", content="198.51.100.66")
    drift = account.provider().plan()
    assert [(each.action, each.item.name) for each in drift.changes] == [(Action.UPDATE, "api A")]
    assert [(d.found, d.wanted) for d in drift.changes[0].differences] == [("198.51.100.66", "203.0.113.7")]
    account.make()
    assert not account.provider().plan().changes


def test_octodns_by_itself_does_the_same(account: Account, tmp_path: Path) -> None:
    """`octodns-sync` with the rendered files leaves nothing for `audifi apply` to do, and the other way round."""
    for file in octodns.render(places.filled(places_known(), PLACES)):
        written = tmp_path / file.path
        written.parent.mkdir(exist_ok=True)
        written.write_text(file.text.replace("token: env/", f"api_url: {account.api_url}\n    token: env/"))

    def sync(*more: str) -> "subprocess.CompletedProcess[str]":
        argv = [binary("octodns-sync"), "--config-file", "config.yaml", *more]
        told = {"PATH": SEARCH_PATH, octodns.TOKEN: TOKEN}
        return subprocess.run(argv, cwd=tmp_path, env=told, capture_output=True, text=True, check=False, timeout=60)

    planned = re.search(r"checksum=([0-9a-f]{64})", sync().stderr)
    assert planned is not None
    assert sync("--doit").returncode != 0, "nothing is done but what was planned"
    done = sync("--doit", f"--checksum={planned[1]}")
    assert done.returncode == 0, done.stderr
    assert len(account.records()) > len(PLACES)
    assert not account.provider().plan().changes


def places_known() -> Topology:
    """Production, but for its name servers, which are the provider's to know."""
    topology = platform("production")
    return places.filled(topology, {name: "ns.invalid." for name in places.unknown(topology) if name not in PLACES})


def test_two_environments_share_a_zone_and_what_others_keep_stays(account: Account) -> None:
    """Neither deletes the other's names, nor what cert-manager has put there."""
    account.make("production")
    challenge = {"type": "TXT", "name": "_acme-challenge.audifi.io", "content": '"nonce"', "ttl": 120}
    account.ask("POST", f"/zones/{account.zone}/dns_records", **challenge)
    staging = account.make("staging")
    assert {change.item.name for change in staging.changes} == {"staging A", "api.staging A", "ws.staging A"}
    assert not account.provider("production").plan().changes
    assert not account.provider("staging").plan().changes
    assert "_acme-challenge.audifi.io" in {each["name"] for each in account.records()}


def test_many_deletions_are_refused(account: Account) -> None:
    """A zone that somebody else kept until now: nothing goes before a person has counted it."""
    for number in range(5):
        body = {"type": "A", "name": f"old-{number}.audifi.io", "content": "198.51.100.1", "ttl": 300}
        account.ask("POST", f"/zones/{account.zone}/dns_records", **body)
    plan = account.provider().plan()
    assert len(plan.deletions) == 5
    assert "--allow-deletions 5" in refusal(plan)


def test_a_place_nobody_told_is_named_and_not_applied(account: Account) -> None:
    plan = connected(Access(token=TOKEN, api_url=account.api_url), platform("production")).plan()
    assert set(plan.unknown) == set(PLACES)


def test_a_mistyped_place_is_refused(account: Account) -> None:
    access = Access(token=TOKEN, api_url=account.api_url, places={**PLACES, "load balancer": "300.1.1.1"})
    with pytest.raises(Unusable, match=r"300\.1\.1\.1"):
        connected(access, platform("production")).plan()


def test_a_plan_that_is_no_longer_true_is_not_applied(account: Account) -> None:
    provider = account.provider()
    plan = provider.plan()
    account.make()
    with pytest.raises(Unusable, match="plan again"):
        list(provider.apply(plan))


def test_a_wrong_token_is_named_and_never_shown(account: Account) -> None:
    with pytest.raises(Unusable, match="refuses the token") as refused:
        account.provider(token="guessed-secret").plan()
    assert "guessed-secret" not in str(refused.value)


def test_an_api_that_does_not_answer_is_said() -> None:
    with pytest.raises(Unusable, match=r"Cloudflare: .*refused"):
        Account("http://127.0.0.1:9/client/v4").provider().plan()


def test_a_zone_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with standin(tmp_path, "--zone", "other.example") as other, pytest.raises(Unusable, match=r"no zone audifi\.io"):
        other.provider().plan()
