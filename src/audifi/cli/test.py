"""Run the tests: every tier in order of price, as one pytest run, and leave nothing behind.

Between: the launcher, CI (`.ci/run`) and pytest; fixtures start their instances through audifi.local.
Shape: tiers are folders of tests/; a selection is a tier, a path, or the name of a service.
Invariant: no process that a test started outlives this one. This process is the subreaper of all it started, so
whatever pytest forgets becomes its child, is named, ended, and turns a green run red.
Errors: LocalError for a selection that names no test.
Exit: 0 green · 1 a test failed or left a process behind · 2 wrong use · 130 interrupted.
Example: ./audifi test unit · ./audifi test tests/system/test_tour.py -k primary · ./audifi test auth
"""

import ctypes
import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import psutil
from cyclopts import Parameter

from audifi.local.errors import LocalError

TIERS: Final = ("tidy", "unit", "agreement", "component", "system", "browser")
ROOT: Final = Path(__file__).resolve().parents[3]
STOP_S: Final = 20  # an instance that is told to stop needs this long at most (local.supervisor drains in parallel)
PR_SET_CHILD_SUBREAPER: Final = 36  # Source: linux/prctl.h
INTERRUPTED: Final = 130  # 128 + SIGINT, as shells do


def test(
    *selection: str,
    keyword: Annotated[str | None, Parameter(name=["--keyword", "-k"])] = None,
    exit_first: Annotated[bool, Parameter(name=["--exit-first", "-x"], negative="")] = False,
    verbose: Annotated[bool, Parameter(name=["--verbose", "-v"], negative="")] = False,
    seed: int | None = None,
) -> int:
    """Run the tests, cheapest tier first: tidy, unit, agreement, component, system, browser.

    Parameters
    ----------
    selection
        Tiers, paths or services; everything without one.
    keyword
        Only tests whose names match, as pytest's -k.
    exit_first
        Stop at the first failure.
    verbose
        One line per test.
    seed
        Repeat a run: the seed that its head printed.
    """
    arguments = [str(path.relative_to(ROOT)) for path in paths_of(selection)]
    arguments += [f"--hypothesis-seed={seed if seed is not None else random.SystemRandom().randrange(2**32)}"]
    arguments += [f"--junitxml={_report_file()}", "-o", "junit_family=xunit1"]
    arguments += ["-k", keyword] if keyword else []
    arguments += ["-x"] if exit_first else []
    arguments += ["-v"] if verbose else ["-q"] if selection else []
    return run(arguments)


def paths_of(selection: Sequence[str], root: Path = ROOT) -> list[Path]:
    """What pytest is given: folders and files, tiers in order, each once."""
    tests = root / "tests"
    chosen = [path for name in selection or TIERS for path in _paths_named(name, root)]
    order = {tests / tier: place for place, tier in enumerate(TIERS)}
    found = sorted(dict.fromkeys(chosen), key=lambda path: _place(path, order))
    if not found:
        raise LocalError(f"there are no tests in {tests}")
    return found


def _paths_named(name: str, root: Path) -> list[Path]:
    tests = root / "tests"
    if name in TIERS:
        return [tests / name] if any((tests / name).rglob("test_*.py")) else []
    path = Path(name).resolve()
    if path.exists() and path.is_relative_to(tests):
        return [path]
    service = name.removesuffix("-service").replace("-", "_")
    found = [path for path in tests.rglob("*") if path.stem in {service, f"test_{service}"} and "__" not in str(path)]
    if not found:
        raise LocalError(
            f"{name} is no tier ({', '.join(TIERS)}), no path below tests/, and no service with tests of its own"
        )
    return found


def _place(path: Path, order: dict[Path, int]) -> tuple[int, str]:
    tier = next((tier for tier in order if path.is_relative_to(tier)), None)
    return (order[tier] if tier else len(order), str(path))


def _report_file() -> Path:
    """`.audifi` may be a link to where the servers' user can read."""
    folder = (ROOT / ".audifi").resolve() / "test"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "junit.xml"


def run(arguments: Sequence[str]) -> int:
    """Run pytest once with these arguments, then end what it left."""
    _adopt_orphans()
    # Our own session for pytest: Ctrl-C then reaches it once, from us, and its fixtures stop what they started.
    pytest = subprocess.Popen([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, start_new_session=True)
    interrupted = False

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        pytest.send_signal(signal.SIGINT)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    code = wait_for_child(pytest.pid)
    pytest.returncode = code
    left = end_descendants()
    if left:
        sys.stderr.write("audifi: the tests left processes behind (ended now):\n" + "".join(f"  {x}\n" for x in left))
    if interrupted:
        return INTERRUPTED
    return 1 if left else min(code, 2) if code >= 0 else 1


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def wait_for_child(pid: int) -> int:
    """Its exit code. Whoever else became our child is reaped too, as init would: a zombie looks alive to others."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            return os.waitstatus_to_exitcode(status)


def end_descendants(of: psutil.Process | None = None, *, grace_s: float = STOP_S) -> list[str]:
    """Wait for descendants (ours by default) to go, then kill and describe those that did not: `pid command`."""
    parent = of or psutil.Process()
    psutil.wait_procs(parent.children(recursive=True), timeout=grace_s)
    alive = parent.children(recursive=True)  # again: whose parent ended meanwhile has become our child
    described = [_describe(process) for process in alive]
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=grace_s)
    return described


def _describe(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline())[:160]}"
    except psutil.Error:
        return f"{process.pid} (gone or not ours to read)"
