"""Run the benchmarks: one file per question, answers in results/benchmarks.

Between: a person and `python -m benchmarks.QUESTION`, which measures and writes the answer.
Shape: without a question, lists the questions with their first line and when they were answered last.
Errors: LocalError for a question that does not exist.
Exit: 0 answered · 1 a question could not be answered · 2 wrong use.
Example: ./audifi bench · ./audifi bench http_path --seconds 5 --rounds 9
"""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from audifi.cli.options import JsonOption
from audifi.local.errors import LocalError

ROOT: Final = Path(__file__).resolve().parents[3]


def bench(  # noqa: D417  # the shared options are described where they are defined
    *questions: str,
    seconds: float | None = None,
    rounds: int | None = None,
    seed: int | None = None,
    json_: JsonOption = False,
    instance: Annotated[Path | None, Parameter(name="--instance", help="A running platform to measure.")] = None,
) -> int:
    """Run benchmarks by name, or list them.

    Parameters
    ----------
    questions
        Which to answer; none lists them.
    seconds
        Length of one round.
    rounds
        Counted rounds per candidate.
    seed
        Repeat a run: the seed in its result.
    """
    known = listing()
    unknown = [name for name in questions if name not in known]
    if unknown:
        raise LocalError(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(known)}")
    if not questions:
        _show(known, as_json=json_)
        return 0
    wanted = {"--seconds": seconds, "--rounds": rounds, "--seed": seed, "--instance": instance}
    options = [text for name, value in wanted.items() if value is not None for text in (name, str(value))]
    for name in questions:
        asked = [sys.executable, "-m", f"benchmarks.{name}", *options]
        if subprocess.run(asked, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode != 0:  # noqa: S603  # our own module
            sys.stderr.write(f"audifi: {name} could not be answered\n")
            return 1
    if json_:
        sys.stdout.write(json.dumps({name: _answer(name) for name in questions}, indent=1) + "\n")
    else:
        sys.stdout.write("".join(f"{_result(name).relative_to(ROOT)}\n" for name in questions))
    return 0


def listing() -> dict[str, str]:
    """Each question and the first line of its module."""
    files = sorted(path for path in (ROOT / "benchmarks").glob("*.py") if path.stem != "__init__")
    return {path.stem: (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()[0] for path in files}


def _show(known: dict[str, str], *, as_json: bool) -> None:
    rows = {name: {"question": text, "answered": _answer(name).get("date")} for name, text in known.items()}
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
        return
    for name, row in rows.items():
        sys.stdout.write(f"{name:<16} {row['question']}\n{'':<16} last answered: {row['answered'] or 'never'}\n")


def _answer(name: str) -> dict[str, Any]:
    path = _result(name)
    return json.loads(path.read_text()) if path.exists() else {}


def _result(name: str) -> Path:
    return ROOT / "results" / "benchmarks" / f"{name}.json"
