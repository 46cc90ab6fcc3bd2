"""Remember how to be the demo's people again: their second factors and their wallets' keys.

Between: plant (makes and uses them), cli.seed (`--code`) and `<instance>/secrets/demo-people.json`.
Invariant: readable by its owner only; keys of play money on development chains, on no other. It goes with the
platform's data.
Errors: OSError passes through.
Source: RFC 6238.
"""

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pyotp.totp import TOTP

from audifi.local.files import make_directory, write_private
from audifi.local.state import Instance

FILE: Final = "demo-people.json"


@dataclass
class Keyring:
    """What the demo's people know."""

    path: Path
    _held: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    @classmethod
    def of(cls, instance: Instance) -> "Keyring":
        """The one of this platform, empty at first."""
        path = instance.path / "secrets" / FILE
        return cls(path, json.loads(path.read_text()) if path.exists() else {})

    def totp(self, email: str) -> TOTP | None:
        """The second factor, if one was enrolled."""
        secret = self._held.get(email, {}).get("totp")
        return TOTP(secret) if secret else None

    def keep_totp(self, email: str, totp: TOTP) -> None:
        self._keep(email, "totp", totp.secret)

    def wallet_key(self, email: str) -> str:
        """The key of this person's wallet, made now if it is new."""
        known = self._held.get(email, {}).get("wallet")
        if known is None:
            known = "0x" + secrets.token_hex(32)
            self._keep(email, "wallet", known)
        return known

    def _keep(self, email: str, what: str, value: str) -> None:
        self._held.setdefault(email, {})[what] = value
        make_directory(self.path.parent, mode=0o700)
        write_private(self.path, json.dumps(self._held, indent=1) + "\n")
