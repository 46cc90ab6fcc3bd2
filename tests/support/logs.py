"""Find what a green run should not have logged: a failure that no test looked at is still a failure.

Between: the session's instances (tests/conftest.py asks before it removes their directory) and
tests/support/expected_logs.toml, where each expected line has its reason.
Shape: `<instance>/logs/<pod>.log`; our services write JSON, the servers their own words.
Invariant: only the level that each server itself calls an error or worse is looked at; warnings are not.
Errors: none; the caller fails the run with what is returned.
Source: Patroni's features/environment.py (logs are scanned even when the scenario passed).
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

EXPECTED = Path(__file__).with_name("expected_logs.toml")
LISTED_MAX = 20
# One pattern per way of writing "error or worse": ours and etcd's JSON, PostgreSQL, nginx and Envoy, HAProxy, Python.
ALARMS = re.compile(
    r'"level": ?"(?:error|critical|fatal|panic)"'
    r"|\b(?:ERROR|FATAL|PANIC|CRITICAL):"
    r"|\[(?:error|crit|alert|emerg|critical|ALERT)\]"
    r"|^Traceback \(most recent call last\)|AddressSanitizer|\bcore dumped\b|please report|\bBUG\b"
)


def unexpected(instance: Path) -> list[str]:
    """`pod.log:line: text` of every alarm that nobody expects, the first ones."""
    expected = patterns()
    found = (
        f"{path.name}:{number}: {line[:300]}"
        for path in sorted((instance / "logs").glob("*.log"))
        for number, line in alarms(path)
        if not any(pod.match(path.stem) and text.search(line) for pod, text in expected)
    )
    return [line for line, _ in zip(found, range(LISTED_MAX), strict=False)]


def alarms(path: Path) -> Iterator[tuple[int, str]]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if ALARMS.search(line):
                yield number, line.rstrip()


def patterns() -> list[tuple[re.Pattern[str], re.Pattern[str]]]:
    """(pod, text) of every expected alarm."""
    entries = tomllib.loads(EXPECTED.read_text(encoding="utf-8"))["expected"]
    return [(re.compile(entry["pod"]), re.compile(entry["text"])) for entry in entries if entry["reason"]]
