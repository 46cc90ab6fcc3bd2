"""Read evidence from files as drills and probes write them, and refuse what was damaged."""

import json
from pathlib import Path
from typing import Any

import pytest

from audifi.drills.drill import Way
from audifi.drills.proofs import Made, evidence
from audifi.local.errors import LocalError

DRILL: dict[str, Any] = {
    "commit": "0123456789ab",
    "drill": "pod-killed",
    "proves": {"pod-loss": "requests failed"},
    "reason": "",
    "runs": [
        {
            "way": "fault",
            "error": "",
            "measured": {"pod-loss": 0},
            "wrong": [],
            "alerts": ["page stayed silent"],
            "timeline": {"outage_s": 0.2},
        },
        {"way": "control", "error": "a step failed", "measured": {}, "wrong": [], "alerts": [], "timeline": None},
    ],
}
PROBE: dict[str, Any] = {
    "probes": {
        "mesh": {
            "commit": "0123456789ab",
            "unit": "so",
            "reason": "",
            "runs": [{"way": "control", "measured": {"mesh": 1}}, {"way": "sabotage", "measured": {"mesh": 0}}],
        }
    }
}


def kept(results: Path, folder: str, name: str, content: object) -> None:
    (results / folder).mkdir(parents=True, exist_ok=True)
    (results / folder / name).write_text(json.dumps(content))


def test_files_become_evidence(tmp_path: Path) -> None:
    kept(tmp_path, "drills", "pod-killed.json", DRILL)
    kept(tmp_path, "drills", "swarm.json", {"commit": "x", "figures": {}})  # evidence of no promise
    kept(tmp_path, "probes", "inside.json", PROBE)
    drill, probe = evidence(Made(), tmp_path, lambda _: True)
    assert (drill.proof, drill.file, drill.is_current) == ("drill pod-killed", "results/drills/pod-killed.json", True)
    (run,) = drill.runs  # the one that did not come to its end is none
    assert (run.way, run.measured, run.wrong) == (Way.FAULT, {"pod-loss": 0.0}, ("page stayed silent",))
    assert (probe.is_probe, probe.proves, len(probe.runs)) == (True, {"mesh": "so"}, 2)


def test_evidence_of_another_program_is_stale_unless_it_was_made_now(tmp_path: Path) -> None:
    kept(tmp_path, "drills", "pod-killed.json", DRILL)
    kept(tmp_path, "probes", "inside.json", PROBE)
    assert [each.is_current for each in evidence(Made(), tmp_path, lambda _: False)] == [False, False]
    made = Made(drills={"pod-killed"})
    assert [each.is_current for each in evidence(made, tmp_path, lambda _: False)] == [True, False]


@pytest.mark.parametrize(
    "content", ["{", json.dumps({**DRILL, "runs": [{"way": "sideways"}]}), json.dumps({**DRILL, "runs": 3})]
)
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "drills").mkdir()
    (tmp_path / "drills" / "bad.json").write_text(content)
    with pytest.raises(LocalError, match=r"bad\.json is no result"):
        evidence(Made(), tmp_path, lambda _: True)
