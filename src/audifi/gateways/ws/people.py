"""Count connections by address and by user, and keep what each user may still send. Pure.

Between: connections (arrive, are seated, go) and app (forgets who was long quiet).
Shape: counts are this pod's: a ticket names the least loaded pod, so somebody's connections spread over the pods, and
the caps are per pod. A quota outlives its user's last connection by QUIET_S, so that coming back renews nothing.
Invariant: what arrived is gone again exactly once; nothing is kept of an address that has no connection.
Errors: never raises.
Source: domain.md 3 "Limits" (5 per user, 100 per address).
"""

from collections import Counter
from typing import Final, Generic, TypeVar

from audifi.gateways.ws.limits import Quota
from audifi.wire.live import protocol

QUIET_S: Final = 120.0  # twice the longest window
T = TypeVar("T")


class People(Generic[T]):
    """Everybody who is connected here."""

    def __init__(self) -> None:
        self._addresses: Counter[str] = Counter()
        self._connections: dict[str, list[T]] = {}
        self._quotas: dict[str, Quota] = {}

    def arrive(self, address: str) -> bool:
        """Count a connection, unless this address has too many."""
        if self._addresses[address] >= protocol.PER_ADDRESS_MAX:
            return False
        self._addresses[address] += 1
        return True

    def gone(self, address: str) -> None:
        self._addresses[address] -= 1
        if self._addresses[address] <= 0:
            del self._addresses[address]

    def seat(self, user_id: str, connection: T) -> T | None:
        """Note whose connection it is; return their oldest when that is one too many."""
        connections = self._connections.setdefault(user_id, [])
        connections.append(connection)
        return connections[0] if len(connections) > protocol.PER_USER_MAX else None

    def unseat(self, user_id: str, connection: T) -> None:
        connections = self._connections.get(user_id, [])
        if connection in connections:
            connections.remove(connection)
        if not connections:
            self._connections.pop(user_id, None)

    def quota(self, user_id: str) -> Quota:
        return self._quotas.setdefault(user_id, Quota())

    def forget(self, now_s: float) -> None:
        """Drop the quotas of users who said nothing for long."""
        quiet = [user_id for user_id, quota in self._quotas.items() if now_s - quota.used_at_s > QUIET_S]
        for user_id in quiet:
            if user_id not in self._connections:
                del self._quotas[user_id]

    def __len__(self) -> int:
        return sum(self._addresses.values())
