"""How the verbs for chains and pins judge and show what they were told.

Between: cli.outbound, cli.chain, cli.pins and answers of the programs behind them, as those write them.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from audifi.cli import chain, outbound, pins
from audifi.local.errors import LocalError

CID = "bafkreihcnrelgha4m4wzp2oeysw3fryaes25lh3jm2pab3l4rz6b7ieuvi"


def row(**other: Any) -> dict[str, Any]:
    found = {"chain": "base", "provider": "alchemy", "state": "good", "usable": True, "head": 7}
    return {**found, "behind": 0, "latencyMs": 3.2, "detail": "", **other}


def finding(fault: str) -> dict[str, Any]:
    return {"provider": "pinata", "cid": CID, "fault": fault, "detail": "as seen"}


def test_one_usable_provider_per_chain_is_enough_and_none_is_not() -> None:
    away = row(provider="infura", usable=False, state="open", head=None, latencyMs=None, detail="away")
    assert chain.is_every_chain_usable([row(), away])
    assert not chain.is_every_chain_usable([row(), {**away, "chain": "polygon"}])


def test_brackets_of_a_provider_are_text_and_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    chain.status_table([row(detail="[red]alert[/red]")])
    assert "[red]alert[/red]" in capsys.readouterr().out


def test_a_provider_that_never_answered_has_no_latency(capsys: pytest.CaptureFixture[str]) -> None:
    chain.status_table([row(head=None, behind=None, latencyMs=None)])
    assert "ms" not in capsys.readouterr().out


def test_json_is_json_and_text_is_the_verbs_own(capsys: pytest.CaptureFixture[str]) -> None:
    outbound.shown("0x10", as_json=False, text=chain.line)
    assert capsys.readouterr().out == "0x10\n"
    outbound.shown("0x10", as_json=True, text=chain.line)
    assert json.loads(capsys.readouterr().out) == "0x10"


def test_live_providers_come_from_the_shell_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AUDIFI_RPC_PROVIDERS", "1:alchemy=https://x/{key}")
    monkeypatch.setenv("AUDIFI_RPC_KEYS", "alchemy=secret")
    assert chain.told(tmp_path) == {"RPC_PROVIDERS": "1:alchemy=https://x/{key}", "RPC_KEYS": "alchemy=secret"}
    monkeypatch.delenv("AUDIFI_RPC_PROVIDERS")
    with pytest.raises(LocalError, match="nothing is running"):
        chain.told(tmp_path)


def test_extra_pins_are_no_damage_and_missing_ones_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert pins.damage([finding("extra")]) == []
    assert pins.damage([finding("extra"), finding("missing")]) == [finding("missing")]
    pins.audit_text({"pins": 2, "proved": 2, "standing": {"pinned": 1}, "findings": [finding("missing")]})
    said = capsys.readouterr().out
    assert "missing" in said
    assert "2 pins compared, 2 copies fetched and hashed; contents by our rows: 1 pinned" in said


def test_a_repair_says_what_it_mended_and_left(capsys: pytest.CaptureFixture[str]) -> None:
    pins.repair_text({"mended": 1, "found": [finding("missing"), finding("lost")], "left": [finding("lost")]})
    assert "2 findings, 1 mended, 1 left" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="is neither a file nor a directory"):
        pins.add(tmp_path / "nothing.png")
