"""Resolve `*.localhost` to this machine without asking a name server.

Between: aiohttp's connector and the operating system's resolver.
Why: browsers answer names below .localhost themselves, glibc's resolver only `localhost` itself on many systems; a
name server on the way must never see or answer them.
Source: RFC 6761 §6.3 (applications SHOULD resolve .localhost to loopback); RFC 8305 is not needed: one address.
Errors: OSError of the operating system for other names.
"""

import socket

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

LOOPBACK = "127.0.0.1"


class LocalhostResolver(AbstractResolver):
    """Loopback for .localhost, the operating system for the rest."""

    def __init__(self) -> None:
        self._others = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [loopback(host, port)] if is_localhost(host) else await self._others.resolve(host, port, family)

    async def close(self) -> None:
        await self._others.close()


def is_localhost(host: str) -> bool:
    """Whether the name is `localhost` or lies below it, however it is written."""
    name = host.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost")


def loopback(host: str, port: int) -> ResolveResult:
    """Where every name below .localhost is."""
    return ResolveResult(
        hostname=host, host=LOOPBACK, port=port, family=socket.AF_INET, proto=0, flags=socket.AI_NUMERICHOST
    )
