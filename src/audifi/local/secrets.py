"""Make every secret of an instance once and keep it readable by its owner only.

Between: components and local.resolution (ask by the name the topology declares), recovery.secrets (replaces them, keeps
what they were) and `<instance>/secrets/`.
Shape: one file per secret, named like it, 0600 in a directory of 0700. A line is a value: the first is in use, every
one is accepted. There are two while the secret is being replaced; the file is replaced in one step, so whoever asks
sees one state or the next.
Invariant: a secret is made once: two processes that ask at the same moment get the same one (one after the other, by
a lock). Every value is in the history before it is in force. No secret is ever
a process argument.
Units: key sizes in bytes.
Errors: LocalError for what is kept elsewhere, and for what was lost: it is restored, never made up. OSError passes.
Source: 256-bit passwords and AES keys; Ed25519 JWK: RFC 8037 section 2, kid as in architecture.md section 4.
"""

import base64
import fcntl
import json
import os
import secrets as random_source
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, assert_never

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audifi.local.errors import LocalError
from audifi.local.files import make_directory, remove_tree, write_private
from audifi.local.recovery.secrets.history import REMOVED, History
from audifi.topology.model.data import SecretForm

KEY_BYTES: Final = 32


class Secrets:
    """The secrets of one instance."""

    def __init__(self, directory: Path, history: History | None = None) -> None:
        self._directory = directory
        self.history = history  # None: what opens the history itself has none

    def of(self, name: str, form: SecretForm = SecretForm.PASSWORD) -> str:
        """The value in use, made now if the secret is new."""
        return self.accepted(name, form)[0]

    def accepted(self, name: str, form: SecretForm = SecretForm.PASSWORD) -> tuple[str, ...]:
        """Every value that is accepted now, the one in use first: two while the secret is being replaced."""
        path = self.path(name)
        if not path.exists():
            with self._alone():
                if not path.exists():  # another thread or process was faster: its secret counts
                    self._require_new(name)
                    self._write(name, made(name, form), what="made")
        return tuple(path.read_text().splitlines())

    def path(self, name: str) -> Path:
        return self._directory / name

    def names(self) -> list[str]:
        """Those that exist."""
        if not self._directory.exists():
            return []
        return sorted(path.name for path in self._directory.iterdir() if not path.name.startswith("."))

    def put(self, name: str, values: Sequence[str], *, what: str, who: str = "") -> bool:
        """Replace what is accepted; false, and nothing happens, when it is so already."""
        content = "\n".join(values)
        path = self.path(name)
        with self._alone():
            if path.exists() and path.read_text() == content:
                return False
            self._write(name, content, what=what, who=who)
            return True

    def remove(self) -> None:
        """Remove all, on purpose: new ones may be made."""
        if self.history is not None:
            for name in self.names():
                self.history.note(name, what=REMOVED)
        remove_tree(self._directory)

    def public_keys(self, names: Iterable[str]) -> str:
        """A JWKS with the public halves of these Ed25519 secrets, of every key that is accepted now."""
        texts = (text for name in names for text in self.accepted(name, SecretForm.ED25519_JWK))
        keys = [json.loads(text) for text in texts]
        return json.dumps({"keys": [{part: key[part] for part in key if part != "d"} for key in keys]})

    def _require_new(self, name: str) -> None:
        """A value that was lost is not made up: what uses it, knows the old one."""
        if self.history is not None and [change.what for change in self.history.changes(name)][-1:] not in (
            [],
            [REMOVED],
        ):
            raise LocalError(f"{self.path(name)} is lost; ./audifi secrets restore brings it back")

    def _write(self, name: str, content: str, *, what: str, who: str = "") -> None:
        if self.history is not None:
            self.history.record(name, content, what=what, who=who)
        write_private(self.path(name), content)

    @contextmanager
    def _alone(self) -> Generator[None]:
        make_directory(self._directory, mode=0o700)
        with os.fdopen(os.open(self._directory / ".lock", os.O_WRONLY | os.O_CREAT, 0o600), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def made(name: str, form: SecretForm) -> str:
    """A fresh value."""
    match form:
        case SecretForm.PASSWORD | SecretForm.PROVIDER | SecretForm.CERTIFICATE:
            # A provider's key cannot be made up, but its stand-in accepts any.
            return random_source.token_urlsafe(KEY_BYTES)
        case SecretForm.LOGIN:
            return random_source.token_urlsafe(KEY_BYTES)  # of the role's first user (local.logins)
        case SecretForm.SIGNING_KEYS | SecretForm.AGE_IDENTITY:
            raise LocalError(f"{name} is not kept in a file here: {form}")
        case SecretForm.ETHEREUM_KEY:
            return f"0x{random_source.token_hex(KEY_BYTES)}"  # below the curve's order but for 1 in 2^128
        case SecretForm.AES_KEYS:
            return f"k1:{base64.b64encode(random_source.token_bytes(KEY_BYTES)).decode()}"
        case SecretForm.ED25519_JWK:
            return _ed25519_jwk(name)
    assert_never(form)


def _ed25519_jwk(key_id: str) -> str:
    key = Ed25519PrivateKey.generate()
    return json.dumps(
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "alg": "EdDSA",
            "use": "sig",
            "kid": key_id,
            "x": _base64url(key.public_key().public_bytes_raw()),
            "d": _base64url(key.private_bytes_raw()),
        }
    )


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
