"""Make every secret of an instance once and keep it readable by its owner only.

Between: components and local.resolution (ask by the name the topology declares) and `<instance>/secrets/`.
Shape: one file per secret, named like it, 0600 in a directory of 0700.
Invariant: a secret is made once: two processes that ask at the same moment get the same one (the file is linked
into place, and the loser reads the winner's). No secret is ever a process argument.
Units: key sizes in bytes.
Errors: OSError passes through.
Source: 256-bit passwords and AES keys; Ed25519 JWK: RFC 8037 section 2, kid as in architecture.md section 4.
"""

import base64
import json
import os
import secrets as random_source
from collections.abc import Iterable
from pathlib import Path
from typing import Final, assert_never

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audifi.local.files import make_directory
from audifi.topology.model.data import SecretForm

KEY_BYTES: Final = 32


class Secrets:
    """The secrets of one instance."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def of(self, name: str, form: SecretForm = SecretForm.PASSWORD) -> str:
        """The secret of that name, made now if it is new."""
        path = self._directory / name
        if not path.exists():
            make_directory(self._directory, mode=0o700)
            self._keep(path, _made(name, form))
        return path.read_text()

    def public_keys(self, names: Iterable[str]) -> str:
        """A JWKS with the public halves of these Ed25519 secrets."""
        keys = [json.loads(self.of(name, SecretForm.ED25519_JWK)) for name in names]
        return json.dumps({"keys": [{part: key[part] for part in key if part != "d"} for key in keys]})

    def _keep(self, path: Path, content: str) -> None:
        beside = path.with_name(f".{path.name}.{random_source.token_hex(4)}")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(content)
        try:
            os.link(beside, path)
        except FileExistsError:
            pass  # another thread or process was first: its secret counts
        finally:
            beside.unlink()


def _made(name: str, form: SecretForm) -> str:
    match form:
        case SecretForm.PASSWORD | SecretForm.PROVIDER | SecretForm.CERTIFICATE:
            # A provider's key cannot be made up, but its stand-in accepts any.
            return random_source.token_urlsafe(KEY_BYTES)
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
