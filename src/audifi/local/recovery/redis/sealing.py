"""Encrypt files of a snapshot so that only the key for backups opens them, and open them again.

Between: snapshots (writes and reads) and pyrage; the key is the one of recovery.secrets.history.
Invariant: writing needs only the public half (`recipient.txt`), so that what runs cannot read old backups; a file that
was changed, or that another key closed, is refused as a whole, and nothing plain is left of it.
Errors: Unreadable says which file and what to do.
Source: the age format, https://age-encryption.org/v1 (authenticated, in chunks of 64 KiB).
"""

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final, cast

import pyrage

from audifi.local.errors import LocalError
from audifi.local.recovery.secrets.history import History
from audifi.local.state import Instance

RECIPIENT: Final = "recipient.txt"  # written with the instance's first secret

_age: Final = cast("Any", pyrage)  # ships no types


class Unreadable(LocalError):
    """A backup cannot be opened."""


def seal(plain: Path, sealed: Path, instance: Instance) -> None:
    """Write an encrypted copy."""
    path = History(instance.path).directory / RECIPIENT
    try:
        recipient = _age.x25519.Recipient.from_str(path.read_text().strip())
    except (FileNotFoundError, _age.RecipientError) as error:
        raise LocalError(f"{path} holds no key to encrypt backups to ({error}): ./audifi up makes one") from error
    _streamed(plain, sealed, lambda reader, writer: _age.encrypt_io(reader, writer, [recipient]))


def unseal(sealed: Path, plain: Path, instance: Instance) -> None:
    """Write the plain copy, readable by its owner only."""
    path = History(instance.path).identity
    try:
        identity = _age.x25519.Identity.from_str(path.read_text().strip())
        _streamed(sealed, plain, lambda reader, writer: _age.decrypt_io(reader, writer, [identity]))
    except (_age.IdentityError, _age.DecryptError, OSError) as error:
        plain.unlink(missing_ok=True)
        raise Unreadable(
            f"{sealed} cannot be opened with {path} ({error}): it was damaged, or closed for another key. "
            "Bring the right key back to that place, or name an older backup: ./audifi backup list"
        ) from error


def _streamed(source: Path, target: Path, work: Callable[[IO[bytes], IO[bytes]], None]) -> None:
    target.touch(mode=0o600)
    with source.open("rb") as reader, target.open("wb") as writer:
        work(reader, writer)
