"""Run one instance for a session of tests, and judge its logs before it is forgotten.

Between: session fixtures of every conftest.py (a `with` block) and audifi.local.held.
Invariant: every run has its own directory below .audifi/; an alarm that nobody expects fails the run; when a test
failed, or an alarm was found, the logs stay there. Names are per fixture: two fixtures never share a directory.
Errors: those of held; AssertionError with the alarms.
"""

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support import logs

from audifi.local.files import remove_tree
from audifi.local.held import Held, held

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def instance(request: pytest.FixtureRequest, name: str, only: Sequence[str] = ()) -> Generator[Held]:
    """These components, or everything that runs on one machine."""
    path = ROOT / ".audifi" / f"test-{name}-{os.getpid()}"
    failed_before = request.session.testsfailed
    with held(path, only) as running:
        yield running
    alarms = logs.unexpected(path)
    assert not alarms, "alarms in the logs (expected ones: tests/support/expected_logs.toml):\n" + "\n".join(alarms)
    if request.session.testsfailed == failed_before:
        remove_tree(path.resolve())
