"""Name what can go wrong on one machine, in words for the person in front of it.

Between: every module of local (raises) and cli (prints the message without a traceback and exits 2).

    LocalError                the machine or the operator must change something: what, where, what to do
    ├── PortsOccupied         a port we need is held by somebody else
    ├── DiskFull              too little room, before or during the run
    ├── MissingBinary         a server is not installed
    ├── NotRunning            the verb needs a running platform
    ├── UnknownName           no such component or pod
    └── StartFailed           something did not become ready

Errors: this module only defines them. The docstring is the default message.
"""


class LocalError(Exception):
    """Something on this machine prevents it."""

    def __str__(self) -> str:
        return super().__str__() or (self.__doc__ or "")


class PortsOccupied(LocalError):
    """A port the platform needs is in use."""


class DiskFull(LocalError):
    """There is too little free space."""


class MissingBinary(LocalError):
    """A server the platform needs is not installed."""


class NotRunning(LocalError):
    """Nothing is running."""


class UnknownName(LocalError):
    """There is no such component."""


class StartFailed(LocalError):
    """The platform did not start."""
