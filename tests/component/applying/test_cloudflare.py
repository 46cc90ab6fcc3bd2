"""A zone that nobody touched becomes what is rendered; what is changed there is named, and put right.

Between: the verbs plan, apply and drift; applying.cloudflare with the official SDK; a process of the stand-in.
Shape: one stand-in for the module; every test leaves the zone as wanted, or uses another one.
"""

import io
import json
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
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from audifi.cli import providing
from audifi.cli.apply import apply
from audifi.cli.drift import drift
from audifi.cli.plan import plan
from audifi.cli.providing import Options
from audifi.local.errors import LocalError
from audifi.targets.cloudflare import items
from audifi.topology.declaration import platform

TOKEN = "of-the-tests"
ANSWER_WITHIN_S = 10
FIREWALL = "http_request_firewall_custom"


def request(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    """A certificate request for this key."""
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


PLACES = {
    "load balancer": "203.0.113.7",
    "load balancer eu-west-1": "203.0.113.8",
    "websocket load balancer": "203.0.113.9",
    "websocket load balancer eu-west-1": "203.0.113.10",
    "origin certificate request": request(ec.generate_private_key(ec.SECP256R1())),
}


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Account:
    """A stand-in that runs, and how the verbs reach it."""

    options: Options

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = f"{self.options.api_url}{path}"
        answer = requests.request(method, url, headers=headers, json=body, timeout=ANSWER_WITHIN_S)
        answer.raise_for_status()
        return answer.json()["result"]

    @property
    def zone(self) -> str:
        return f"/zones/{self.ask('GET', '/zones')[0]['id']}"

    @property
    def pools(self) -> str:
        return f"/accounts/{self.ask('GET', '/zones')[0]['account']['id']}/load_balancers/pools"

    def knowing(self, **changed: Any) -> Options:
        return Options(**{**vars(self.options), **changed})


@contextmanager
def standin(directory: Path, places: dict[str, str]) -> Generator[Account]:
    token, known = directory / "token", directory / "places.json"
    token.write_text(TOKEN)
    known.write_text(json.dumps(places))
    argv = [sys.executable, "-m", "audifi.local.standins.cloudflare", "--token-file", str(token)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().removeprefix("ready ").strip()
            yield Account(Options(places=known, token_file=token, api_url=url))
        finally:
            process.send_signal(signal.SIGTERM)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Generator[Account]:
    """A zone that was made what is rendered, by the plan's own fingerprint."""
    with standin(tmp_path_factory.mktemp("account"), PLACES) as found:
        assert repaired(found) == 0
        yield found


def repaired(account: Account) -> int:
    """Apply whatever is planned, as somebody would who read it; the exit code."""
    meant = plan_of(account.options)["fingerprint"]
    return apply("cloudflare", options=account.options, fingerprint=meant)


def plan_of(options: Options) -> dict[str, Any]:
    """The plan as --json has it."""
    made = providing.planned("cloudflare", providing.connected("cloudflare", options, platform("production")))
    return dict(providing.told(made, options))


def test_a_new_zone_is_made_as_rendered_and_then_nothing_is_left_to_do(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assert drift("cloudflare", options=account.options) == 0
    assert f"Nothing to do: {len(items(platform('production')))} as wanted." in capsys.readouterr().out


def test_drift_is_named_and_repaired(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    """Taught by a rule that somebody added in a hurry, and that let an address past the firewall for a year."""
    zone = account.zone
    rules = account.ask("GET", f"{zone}/rulesets/phases/{FIREWALL}/entrypoint")["rules"]
    kept = [{key: value for key, value in rule.items() if key not in {"id", "version"}} for rule in rules[1:]]
    hole = {"action": "skip", "expression": "ip.src eq 198.51.100.7", "action_parameters": {"ruleset": "current"}}
    account.ask("PUT", f"{zone}/rulesets/phases/{FIREWALL}/entrypoint", {"rules": [hole, *kept]})
    account.ask("PATCH", f"{zone}/settings/ssl", {"value": "flexible"})
    assert drift("cloudflare", options=account.options) == 1
    told = capsys.readouterr().out
    assert '~ setting ssl\n    value: "flexible" → "strict"' in told
    assert f"+ rule {FIREWALL}/acme-pass" in told
    assert re.search(rf"- rule {FIREWALL}/[0-9a-f]{{32}}\n", told)
    assert repaired(account) == 0
    assert drift("cloudflare", options=account.options) == 0


def test_only_the_plan_that_was_meant_is_carried_out(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    account.ask("PATCH", f"{account.zone}/settings/http3", {"value": "off"})
    assert apply("cloudflare", options=account.options, fingerprint="0123456789ab") == 1
    assert "nothing was changed" in capsys.readouterr().err
    assert account.ask("GET", f"{account.zone}/settings/http3")["value"] == "off"
    meant = plan_of(account.options)["fingerprint"]
    account.ask("PATCH", f"{account.zone}/settings/ssl", {"value": "off"})
    assert apply("cloudflare", options=account.options, fingerprint=meant) == 1
    assert repaired(account) == 0


def test_nothing_is_applied_where_nobody_can_be_asked(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.ask("PATCH", f"{account.zone}/settings/http3", {"value": "off"})
    with Path("/dev/null").open() as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        with pytest.raises(LocalError, match=r"nobody can be asked here: .* --plan [0-9a-f]{12}"):
            apply("cloudflare", options=account.options)
    assert repaired(account) == 0


@pytest.mark.parametrize(("typed", "code"), [("yes", 1), ("", 1), ("the fingerprint", 0)])
def test_a_person_confirms_by_typing_the_fingerprint(
    account: Account, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    """Taught by a `y` that was typed for another question."""
    account.ask("PATCH", f"{account.zone}/settings/http3", {"value": "off"})
    meant = plan_of(account.options)["fingerprint"]
    monkeypatch.setattr(sys, "stdin", Terminal(f"{meant if code == 0 else typed}\n"))
    assert apply("cloudflare", options=account.options) == code
    assert account.ask("GET", f"{account.zone}/settings/http3")["value"] == ("on" if code == 0 else "off")


def test_deletions_are_counted_before_they_happen(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(11):
        body = {"name": f"audifi-production-old-{number}", "origins": [{"name": "o", "address": "203.0.113.1"}]}
        account.ask("POST", account.pools, body)
    account.ask("POST", account.pools, {"name": "another-team", "origins": [{"name": "o", "address": "203.0.113.1"}]})
    assert plan("cloudflare", options=account.options) == 1
    assert re.search(r"deletes 11 of \d+, and 10 are allowed", capsys.readouterr().out)
    meant = plan_of(account.options)["fingerprint"]
    assert apply("cloudflare", options=account.options, fingerprint=meant) == 1
    allowed = account.knowing(allow_deletions=11)
    assert apply("cloudflare", options=allowed, fingerprint=plan_of(allowed)["fingerprint"]) == 0
    assert "another-team" in {each["name"] for each in account.ask("GET", account.pools)}


def test_what_is_done_before_the_api_refuses_stays_and_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {**PLACES, "origin certificate request": request(rsa.generate_private_key(65_537, 2048))}
    with standin(tmp_path, wrong) as account:
        assert repaired(account) == 1
        assert re.search(r"Stopped after (\d+) of .*1010 the key .* plan again", capsys.readouterr().err)
        left = plan_of(account.options)["changes"]
        assert [change["kind"] for change in left] == ["origin certificate"]


def test_a_certificate_is_for_our_names_and_one_that_ends_soon_counts_as_none(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    (signed,) = account.ask("GET", "/certificates")
    found = x509.load_pem_x509_certificate(signed["certificate"].encode())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {"audifi.io", "*.audifi.io", "*.staging.audifi.io"}
    account.ask("DELETE", f"/certificates/{signed['id']}")
    short = {key: signed[key] for key in ("csr", "hostnames", "request_type")} | {"requested_validity": 7}
    account.ask("POST", "/certificates", short)
    left = plan_of(account.options)["changes"]
    assert [(change["action"], change["kind"]) for change in left] == [("create", "origin certificate")]
    assert repaired(account) == 0
    told = capsys.readouterr().out
    assert "created origin certificate origins of audifi.io:\n-----BEGIN CERTIFICATE-----\n" in told


def test_what_nobody_told_is_named(account: Account, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ignorant = account.knowing(places=None)
    assert plan("cloudflare", options=ignorant) == 0
    assert 'needed in the file of --places: "load balancer"' in capsys.readouterr().out
    with pytest.raises(LocalError, match="drift from what"):
        drift("cloudflare", options=ignorant)
    strange = tmp_path / "places.json"
    strange.write_text('{"loadbalancer": "203.0.113.7"}')
    with pytest.raises(LocalError, match=r"nothing waits for loadbalancer; there are .*load balancer"):
        plan("cloudflare", options=account.knowing(places=strange))


def test_a_token_is_never_shown_and_never_sent_in_the_clear(account: Account, tmp_path: Path) -> None:
    wrong = tmp_path / "token"
    wrong.write_text("guessed-secret")
    with pytest.raises(LocalError, match="refuses the token") as refused:
        plan("cloudflare", options=account.knowing(token_file=wrong))
    assert "guessed-secret" not in str(refused.value)
    with pytest.raises(LocalError, match="must not travel in the clear"):
        plan("cloudflare", options=account.knowing(api_url="http://api.example.com"))


def test_staging_has_no_rules_of_its_own(account: Account) -> None:
    with pytest.raises(LocalError, match="--environment production"):
        plan("cloudflare", options=account.knowing(environment="staging", places=None))
