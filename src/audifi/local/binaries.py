"""Find the servers that are installed, and what they can do.

Between: components (need an absolute argv[0]) and the machine.
Invariant: looked up on a fixed path, not the caller's PATH, so that a shell's state never decides what runs.
Units: versions as tuples of numbers.
Errors: MissingBinary says which package brings it.
Source: Debian's layouts (/usr/lib/postgresql/<major>/bin); wheels put theirs beside the interpreter.
"""

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

from audifi.local.errors import MissingBinary

SEARCH_PATH: Final = ":".join(
    [str(Path(sys.executable).parent), "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
)
PACKAGES: Final = {
    "etcd": "etcd-server",
    "named": "bind9",
    "named-checkzone": "bind9-utils",
    "redis-cli": "redis-tools",
    "psql": "postgresql-client",
}
ANVIL_PACKAGES: Final = Path(__file__).resolve().parents[3] / "contracts/node_modules/@foundry-rs"
PREPARED_SINCE: Final = (1, 21)  # max_prepared_statements. Source: PgBouncer 1.21.0 release notes


@cache
def binary(name: str) -> Path:
    """The absolute path of a program."""
    found = shutil.which(name, path=SEARCH_PATH)
    if found is None:
        package = PACKAGES.get(name, name)
        raise MissingBinary(
            f"{name} is not installed (looked in {SEARCH_PATH}): run ./audifi setup, or install {package}"
        )
    return Path(found)


@cache
def anvil() -> Path:
    """The development chain, which npm installed for this machine's processor."""
    found = sorted(ANVIL_PACKAGES.glob("anvil-linux-*/bin/anvil"))
    if not found:
        raise MissingBinary(f"anvil is not installed (looked in {ANVIL_PACKAGES}): run ./audifi setup")
    return found[0]


@cache
def postgres_binaries() -> Path:
    """The directory of the newest installed PostgreSQL server."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if not found:
        raise MissingBinary("no PostgreSQL server below /usr/lib/postgresql: run ./audifi setup, or install postgresql")
    return max(found, key=lambda directory: int(re.sub(r"\D", "", directory.parent.name) or 0))


@cache
def pgbouncer_keeps_prepared_statements() -> bool:
    """Whether prepared statements of the protocol survive transaction mode in the PgBouncer that runs here."""
    # "PgBouncer 1.18.0" on the first line.
    output = subprocess.run([binary("pgbouncer"), "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"PgBouncer (\d+)\.(\d+)", output)
    return version is not None and (int(version[1]), int(version[2])) >= PREPARED_SINCE
