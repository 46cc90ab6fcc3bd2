"""Check that the scan of logs finds what nobody expects, and only that.

Between: tests.support.logs and made-up logs.
"""

from pathlib import Path

import pytest
from tests.support.logs import LISTED_MAX, unexpected

STARTING = "2026-11-23 UTC [12] FATAL:  the database system is starting up"


def instance(tmp_path: Path, pod: str, *lines: str) -> Path:
    (tmp_path / "logs").mkdir(exist_ok=True)
    (tmp_path / "logs" / f"{pod}.log").write_text("".join(f"{line}\n" for line in lines))
    return tmp_path


@pytest.mark.parametrize(
    ("pod", "line"),
    [
        ("auth-service-1", '{"time":"…","level":"error","message":"a background loop failed"}'),
        ("postgres-2", "UTC [1] PANIC:  could not locate a valid checkpoint record"),
        ("edge-1", "2026/11/23 [crit] 12#12: *1 SSL_write() failed"),
        ("api-gateway-1", "[2026-11-23][1][critical][main] out of memory"),
        ("worker-1", "Traceback (most recent call last):"),
        ("auth-service-1", STARTING),
    ],
)
def test_an_alarm_is_found(tmp_path: Path, pod: str, line: str) -> None:
    assert unexpected(instance(tmp_path, pod, "all is well", line)) == [f"{pod}.log:2: {line}"]


def test_what_is_expected_of_one_pod_is_silent(tmp_path: Path) -> None:
    assert unexpected(instance(tmp_path, "postgres-1", STARTING, '{"level":"info","message":"ERROR rate 0"}')) == []


def test_a_flood_is_cut(tmp_path: Path) -> None:
    assert len(unexpected(instance(tmp_path, "etcd-1", *['{"level":"fatal"}'] * 100))) == LISTED_MAX
