"""Keep what opens the backups: apart from the backups and from the data, and longer than either.

Between: recovery.postgres (its cipher) and other kinds (theirs), and `<instance>/recovery-keys/`.
Invariant: `audifi down --data` removes secrets/ but not these: a backup whose key is gone is gone. Files of 0600.
Errors: OSError passes through.
Source: in production the secret manager keeps them, in another region than the backups (domain.md 7).
"""

from pathlib import Path

from audifi.local.secrets import Secrets
from audifi.local.state import Instance


def directory(instance: Instance) -> Path:
    """Where the keys are."""
    return instance.path / "recovery-keys"


def key(instance: Instance, name: str) -> str:
    """The key of that name, made now if it is new."""
    return Secrets(directory(instance)).of(name)
