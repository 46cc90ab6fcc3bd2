"""Write files so that a reader never sees half of one, and only the right user sees a secret.

Between: components (their `prepare`) and the file system.
Invariant: a file is written beside its place and renamed; a private file is 0600 from its first byte on.
Units: modes octal.
Errors: OSError passes through; local.supervisor turns "no space left" into DiskFull.
"""

import os
import shutil
from pathlib import Path
from secrets import token_hex

from audifi.local.users import User


def make_directory(path: Path, *, user: User | None = None, mode: int = 0o755) -> Path:
    """Create the directory if it is missing and give it to the user."""
    path.mkdir(parents=True, exist_ok=True)
    if user is not None and user.must_drop:
        os.chown(path, user.uid, user.gid)
    path.chmod(mode)
    return path


def write_text(path: Path, text: str, *, user: User | None = None, mode: int = 0o644) -> Path:
    """Replace the file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        if user is not None and user.must_drop:
            os.fchown(descriptor, user.uid, user.gid)
        os.fchmod(descriptor, mode)
    beside.replace(path)
    return path


def write_private(path: Path, text: str, *, user: User | None = None) -> Path:
    """Replace the file in one step; only the user may read it."""
    return write_text(path, text, user=user, mode=0o600)


def remove_tree(path: Path) -> None:
    """Remove the directory and all below it, whether it is there or not."""
    shutil.rmtree(path, ignore_errors=True)
