"""Say where the V Studio socket answers, and how an address names the pod it wants.

    wss://ws.<domain>/p/2/vstudio/<session>?ticket=…    to ws-gateway-2, or to another pod when that one refuses
    wss://ws.<domain>/vstudio/<session>                 to whichever pod the balancer's cookie names, or to any

Between: services.vstudio (writes wsUrl), targets.nginx (takes `/p/2` off and chooses the pod), targets.envoy (the
balancer), gateways.ws (sees the rest of the path, and says in POD_HEADER who answered), sdk.live.
Invariant: which pod answers is never a condition: a ticket is spent at any of them.
Errors: ValueError for a pod that has no number.
Source: domain.md 3 "Endpoint"; docs/decisions/0046.
"""

from enum import StrEnum
from typing import Final

# `{session}` is a UUID as the API writes it; where it is absent, `?sessionId=` says which.
PATHS: Final = (
    "/vstudio/{session}",
    "/vstudio/sessions/{session}/ws",
    "/v1/vstudio/ws",
    "/v1/vstudio/ws/{session}",
    "/ws",
)
ON_OTHER_HOSTS: Final = "/ws"  # on api. (and studio.): the only one that is not a row of wire.routes
# As regular expressions that RE2, PCRE and Python read alike; without anchors.
SESSION: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
PATTERNS: Final = tuple(path.replace("{session}", SESSION) for path in PATHS)
PATTERN: Final = "|".join(PATTERNS)
NAMED: Final = "/p/"
POD_HEADER: Final = "X-Audifi-Pod"  # of the handshake's answer, e.g. ws-gateway-2


class Affinity(StrEnum):
    """How somebody who connects finds a pod again."""

    TICKET = "ticket"  # wsUrl names it: the edge connects them, and nothing of ours reads a frame in between
    COOKIE = "cookie"  # the balancer remembers it, and passes every frame on


def named(pod: str) -> str:
    """Return what an address begins with to reach this pod: ws-gateway-2 → /p/2."""
    number = pod.rpartition("-")[2]
    if not number.isdecimal():
        raise ValueError(f"{pod!r} has no number: a pod is <component>-<n>")
    return NAMED + number
