"""Hold the directory that is one running platform, and who runs in it.

Between: everything local (asks for paths, ports, secrets) and the file system.
Shape: `<instance>/{data,config}/<pod>/`, `logs/<pod>.log`, `secrets/`, `certificates/`, `ports.json`,
`state.json` (only while it runs), `control.sock` (only while it runs), `lock`.
Invariant: `state.json` is believed only if the processes it names are alive *and* were started when it says: a
number that was given to another process since is not ours.
Errors: a damaged state file counts as stale; OSError passes through.
"""

from dataclasses import asdict, dataclass
from functools import cached_property
from json import JSONDecodeError, dumps, loads
from pathlib import Path

from audifi.local.files import make_directory, write_text
from audifi.local.ports import Ports
from audifi.local.process import ProcessId
from audifi.local.recovery.secrets.history import History
from audifi.local.secrets import Secrets


@dataclass(frozen=True)
class Running:
    """Who keeps this instance alive."""

    guardian: ProcessId
    supervisor: ProcessId
    started_at_s: float  # wall clock, for people
    only: tuple[str, ...] = ()

    @property
    def is_alive(self) -> bool:
        return self.guardian.is_alive or self.supervisor.is_alive


@dataclass(frozen=True)
class Instance:
    """One platform on this machine, running or not. Make it with `Instance.at`."""

    path: Path

    @classmethod
    def at(cls, path: Path) -> "Instance":
        """The instance in this directory; `.audifi` may be a symbolic link, so the path is resolved once."""
        return cls(path.resolve())

    @cached_property
    def ports(self) -> Ports:
        return Ports(self.path / "ports.json")

    @cached_property
    def secrets(self) -> Secrets:
        return Secrets(self.path / "secrets", self.history)

    @property
    def history(self) -> History:
        """What every secret was."""
        return History(self.path)

    @property
    def certificates(self) -> Path:
        return self.path / "certificates"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    def data(self, pod: str) -> Path:
        return self.path / "data" / pod

    def config(self, pod: str) -> Path:
        return self.path / "config" / pod

    def log(self, pod: str) -> Path:
        return self.logs / f"{pod}.log"

    def create(self) -> None:
        """Make the directories that every instance has."""
        for directory in (self.path, self.logs, self.path / "data", self.path / "config", self.certificates):
            make_directory(directory)

    def running(self) -> Running | None:
        """Who runs here now, or None: nobody, or a state file left by a run that died."""
        try:
            found = loads((self.path / "state.json").read_text())
            state = Running(
                ProcessId(**found["guardian"]),
                ProcessId(**found["supervisor"]),
                found["started_at_s"],
                tuple(found["only"]),
            )
        except (FileNotFoundError, JSONDecodeError, KeyError, TypeError):
            return None
        return state if state.is_alive else None

    def record(self, running: Running) -> None:
        write_text(self.path / "state.json", dumps(asdict(running)) + "\n", mode=0o600)

    def forget(self) -> None:
        """Remove what only a running instance has."""
        for name in ("state.json", "control.sock"):
            (self.path / name).unlink(missing_ok=True)
