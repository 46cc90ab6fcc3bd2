"""Keep every value that a secret ever had, encrypted, with who changed it and when.

Between: local.secrets (writes here before it changes a value), recovery.secrets.restoring (reads) and the `backups`
process (forgets what is too old).
Shape: `<instance>/backups/secrets/history.jsonl`, a line per change, and one age file per line,
`<name>/<moment>.age`: what the secret's file held then. ≤ 60 secrets, a few changes a year each.
Who can read it: whoever has `backup-identity`. Everything that runs needs only its public half (`recipient.txt`), so
an operator keeps the identity away from the platform. On one machine `<instance>/recovery-keys/` stands for that place:
nothing but a restore reads it, and `down --data` leaves it, or the backups that stay could not be opened.
Invariant: a value is written here before it is used anywhere (write ahead): no value is ever lost to a crash.
A value that was in force at any time of the last KEPT_DAYS is kept, however long ago it was made.
Errors: LocalError when a value cannot be opened: the identity is missing or another one, or the file was changed.
Source: design.md "Secrets: On change, 90 days"; age-encryption.org/v1 (X25519 recipients).
"""

import hashlib
import json
import os
import pwd
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

import pyrage

from audifi.local.errors import LocalError
from audifi.local.files import make_directory, write_private

KEPT_DAYS: Final = 90
IDENTITY: Final = "backup-identity"
REMOVED: Final = "removed"
_age: Final = cast("Any", pyrage)  # ships no types


@dataclass(frozen=True, kw_only=True)
class Change:
    """One line of the history: never what the secret holds."""

    at: str  # ISO 8601, UTC, microseconds: sorts as text
    name: str
    what: str  # made | accepted as well | in use | old one withdrawn | restored | rotated | removed
    who: str
    file: str = ""  # below the history's directory; "" when the value is kept elsewhere
    sha256: str = ""  # of the encrypted file

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.at)


def somebody() -> str:
    """Who runs us, for the history."""
    return pwd.getpwuid(os.getuid()).pw_name


class History:
    """What every secret of one instance was."""

    def __init__(self, instance: Path) -> None:
        self.directory = instance / "backups" / "secrets"
        self.identity = instance / "recovery-keys" / IDENTITY
        self._index = self.directory / "history.jsonl"
        self._recipient = self.directory / "recipient.txt"

    def record(self, name: str, content: str, *, what: str, who: str = "", now: datetime | None = None) -> Change:
        """Keep what the secret's file is about to hold."""
        at = (now or datetime.now(UTC)).isoformat(timespec="microseconds")
        sealed = _sealed(content, self._recipient_now())
        file = f"{name}/{at}.age"
        make_directory(self.directory / name, mode=0o700)
        _write_bytes(self.directory / file, sealed)
        digest = hashlib.sha256(sealed).hexdigest()
        return self._noted(Change(at=at, name=name, what=what, who=who or somebody(), file=file, sha256=digest))

    def note(self, name: str, *, what: str, who: str = "", now: datetime | None = None) -> Change:
        """Remember a change whose value is kept elsewhere."""
        at = (now or datetime.now(UTC)).isoformat(timespec="microseconds")
        return self._noted(Change(at=at, name=name, what=what, who=who or somebody()))

    def changes(self, name: str | None = None) -> list[Change]:
        """Everything that is kept, oldest first."""
        if not self._index.exists():
            return []
        # A line that a crash cut off describes a value that was never used.
        lines = [line for line in self._index.read_text().splitlines(keepends=True) if line.endswith("\n")]
        found = [Change(**json.loads(line)) for line in lines if line.strip()]
        return sorted((each for each in found if name in (None, each.name)), key=lambda each: each.at)

    def at(self, moment: datetime | None, name: str | None = None) -> dict[str, Change]:
        """The newest change of each secret that is not younger than the moment."""
        past = (each for each in self.changes(name) if each.file and (moment is None or each.moment <= moment))
        return {each.name: each for each in past}

    def opened(self, change: Change, identity: Path | None = None) -> str:
        """What the secret's file held after this change."""
        path = self.directory / change.file
        sealed = path.read_bytes() if path.exists() else b""
        if hashlib.sha256(sealed).hexdigest() != change.sha256:
            raise LocalError(f"{path} is missing or was changed: its checksum is not the one in {self._index}")
        key = self._key(identity or self.identity)
        try:
            return bytes(_age.decrypt(sealed, [key])).decode()
        except _age.DecryptError as error:
            raise LocalError(
                f"{path} does not open with {identity or self.identity}: it is encrypted to "
                f"{self._recipient.read_text().strip()}, whose identity an operator keeps; pass it: --identity FILE"
            ) from error

    def forget(self, now: datetime) -> int:
        """Remove values that were last in force more than KEPT_DAYS ago; returns how many."""
        horizon = now - timedelta(days=KEPT_DAYS)
        in_force_then = {each.at for each in self.at(horizon).values()}
        changes = self.changes()
        gone = [each for each in changes if each.moment <= horizon and each.at not in in_force_then]
        if gone:
            kept = [each for each in changes if each not in gone]
            write_private(self._index, "".join(_line(each) for each in kept))
            for each in (change for change in gone if change.file):
                (self.directory / each.file).unlink(missing_ok=True)
        return len(gone)

    def verified(self) -> int:
        """Prove that every kept file is the one that was written; returns how many."""
        changes = [each for each in self.changes() if each.file]
        for each in changes:
            found = hashlib.sha256((self.directory / each.file).read_bytes()).hexdigest()
            if found != each.sha256:
                raise LocalError(f"{self.directory / each.file} was changed after it was written")
        return len(changes)

    def _noted(self, change: Change) -> Change:
        make_directory(self.directory, mode=0o700)  # of secrets from before the history there is only this
        # One write of a short line at the end: two processes do not mix (O_APPEND, below PIPE_BUF).
        with os.fdopen(os.open(self._index, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as file:
            file.write(_line(change))
            file.flush()
            os.fsync(file.fileno())
        return change

    def _recipient_now(self) -> str:
        """The public key that everything is encrypted to; its identity is made with the first secret."""
        if not self._recipient.exists():
            make_directory(self.directory, mode=0o700)
            make_directory(self.identity.parent, mode=0o700)
            _write_once(self.identity, str(_age.x25519.Identity.generate()))
            write_private(self._recipient, f"{self._key(self.identity).to_public()}\n")
        return self._recipient.read_text().strip()

    def _key(self, path: Path) -> Any:
        try:
            return _age.x25519.Identity.from_str(path.read_text().strip())
        except (FileNotFoundError, _age.IdentityError) as error:
            raise LocalError(
                f"{path} is no age identity: an operator keeps {IDENTITY}; pass it: --identity FILE"
            ) from error


def _sealed(content: str, recipient: str) -> bytes:
    return bytes(_age.encrypt(content.encode(), [_age.x25519.Recipient.from_str(recipient)]))


def _line(change: Change) -> str:
    return json.dumps(asdict(change)) + "\n"


def _write_once(path: Path, content: str) -> None:
    """Write the file unless somebody else was first."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    write_private(beside, content + "\n")
    try:
        os.link(beside, path)
    except FileExistsError:
        pass  # another process was faster: its identity counts
    finally:
        beside.unlink()


def _write_bytes(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
