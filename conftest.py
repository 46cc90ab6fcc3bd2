"""What holds for every tier: seeds are printed, and CI skips nothing.

Between: pytest and tests/; fixtures that start something live in tests/conftest.py and below.
Invariant: with CI=true a skipped test is a failed one, so a binary missing there cannot pass unseen.
Errors: none; a broken rule fails the test it concerns.
"""

import os
from collections.abc import Generator

import pytest


def pytest_report_header(config: pytest.Config) -> str:
    """Say how to repeat this run; hypothesis draws from the same seed."""
    seed: object = config.getoption("--hypothesis-seed", None)
    return (
        f"seed: {seed} (repeat with ./audifi test --seed {seed})" if seed else "seed: each property test prints its own"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where everything has to be there."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":  # noqa: TID251  # the runner's, not ours
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} skipped in CI at {call.when}: {report.longrepr}"
    return report
