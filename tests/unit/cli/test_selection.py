"""Check what `./audifi test` is asked to run, and what it finds left behind.

Between: audifi.cli.test and a made-up folder of tests; processes are real and end with the test.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from audifi.cli.test import end_descendants, paths_of
from audifi.local.errors import LocalError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path in ("system/test_tour.py", "unit/auth/test_links.py", "tidy/test_x.py", "component/auth/test_store.py"):
        (tmp_path / "tests" / path).parent.mkdir(parents=True)
        (tmp_path / "tests" / path).touch()
    (tmp_path / "tests/browser").mkdir()
    return tmp_path


def names(paths: list[Path], root: Path) -> list[str]:
    return [str(path.relative_to(root / "tests")) for path in paths]


def test_everything_runs_from_cheap_to_dear_without_empty_tiers(root: Path) -> None:
    assert names(paths_of([], root), root) == ["tidy", "unit", "component", "system"]


def test_tiers_run_in_their_order_whatever_order_is_asked(root: Path) -> None:
    assert names(paths_of(["system", "tidy", "system"], root), root) == ["tidy", "system"]


def test_a_service_stands_for_its_tests_in_every_tier(root: Path) -> None:
    assert names(paths_of(["auth-service"], root), root) == ["unit/auth", "component/auth"]


def test_a_path_stands_for_itself(root: Path) -> None:
    path = root / "tests/system/test_tour.py"
    assert paths_of([str(path)], root) == [path]


@pytest.mark.parametrize("name", ["untidy", "/etc/passwd", "src"])
def test_what_names_no_test_is_refused_with_what_would(root: Path, name: str) -> None:
    with pytest.raises(LocalError, match=r"tidy, unit, agreement"):
        paths_of([name], root)


def test_an_empty_tier_says_so(root: Path) -> None:
    with pytest.raises(LocalError, match="no tests"):
        paths_of(["browser"], root)


@pytest.fixture
def parent() -> Iterator[Callable[[str], psutil.Process]]:
    """A process with one child that runs the given Python, known by the line it prints."""
    started: list[subprocess.Popen[bytes]] = []

    def start(code: str) -> psutil.Process:
        script = (
            f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {code!r}]); "
            "print('up', flush=True); p.wait(); sys.stdin.read()"
        )
        started.append(subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        assert started[0].stdout
        assert started[0].stdout.readline() == b"up\n"
        return psutil.Process(started[0].pid)

    yield start
    for process in started:
        process.communicate()


def test_a_process_left_behind_is_named_and_ended(parent: Callable[[str], psutil.Process]) -> None:
    of = parent("import signal; signal.pause()")
    (child,) = of.children()
    (described,) = end_descendants(of, grace_s=0.1)
    assert described.startswith(f"{child.pid} ")
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_process_that_ends_by_itself_is_no_leftover(parent: Callable[[str], psutil.Process]) -> None:
    assert end_descendants(parent("pass"), grace_s=10) == []
