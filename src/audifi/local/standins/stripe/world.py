"""Hold the account together: its objects, its clock, and the events that tell of every change.

Between: catalog, payments, billing, checkout (change objects), sending (delivers events), control (moves the clock).
Shape: an event holds the object as it was when it happened; `created` is in whole seconds, so several may share one.
Units: seconds since the epoch; the clock is the machine's, ahead by what control added.
Invariant: an event is kept before anybody hears of it.
Errors: Refused 404 for an object there is not.
"""

import copy
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from audifi.local.standins.stripe.records import Json, Records
from audifi.local.standins.stripe.refusals import missing

API_VERSION: Final = "2026-10-28.endive"
_CLOCK: Final = "clock"


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


@dataclass(frozen=True)
class Asked:
    """One call of the API."""

    params: Json
    identity: str = ""  # of the object in the path
    request: Json = field(default_factory=lambda: {"id": None, "idempotency_key": None})


class World:
    """One Stripe account in test mode."""

    def __init__(self, records: Records, public_url: str) -> None:
        self.records = records
        self.public_url = public_url
        self.on_event: Callable[[Json], None] = lambda _: None
        self.cause: Json = {"id": None, "idempotency_key": None}  # the call that is being answered
        clock = records.get(_CLOCK)
        self._ahead_s: float = clock["ahead_s"] if clock else 0.0

    def now(self) -> int:
        return int(time.time() + self._ahead_s)

    def set_clock(self, moment: float) -> None:
        """Let it be this late from now on."""
        self._ahead_s = moment - time.time()
        self.records.put({"id": _CLOCK, "object": _CLOCK, "ahead_s": self._ahead_s})

    def make(self, kind: str, prefix: str, **shown: Any) -> Json:
        """Make and keep an object."""
        named = {"id": shown.pop("id", None) or new_id(prefix), "object": kind, "created": self.now()}
        return self.records.put({**named, "livemode": False, **shown})

    def keep(self, changed: Json, **parts: Any) -> Json:
        changed.update(parts)
        return self.records.put(changed)

    def find(self, kind: str, identity: str) -> Json:
        found = self.records.get(identity)
        if found is None or found["object"] != kind or found.get("deleted"):
            raise missing(kind, identity)
        return found

    def tell(self, type_: str, about: Json, **previous: Any) -> None:
        """Say what happened."""
        data: Json = {"object": copy.deepcopy(about)}
        if previous:
            data["previous_attributes"] = previous
        event = self.make(
            "event",
            "evt",
            type=type_,
            api_version=API_VERSION,
            data=data,
            pending_webhooks=1,
            request=dict(self.cause),
        )
        self.on_event(event)


def listed(found: list[Json], params: Json, url: str) -> Json:
    """One page, newest first, as every list of Stripe's."""
    limit = min(max(int(params.get("limit", 10)), 1), 100)
    after = params.get("starting_after")
    if after:
        ids = [each["id"] for each in found]
        if after not in ids:
            raise missing("object", str(after))
        found = found[ids.index(after) + 1 :]
    return {"object": "list", "url": url, "has_more": len(found) > limit, "data": found[:limit]}


def expanded(world: World, found: Json, paths: list[str]) -> Json:
    """Put objects in the place of their ids, as `expand` asks."""
    if not paths:
        return found
    shown = copy.deepcopy(found)
    for path in paths:
        _expand(world, shown, path.split("."))
    return shown


def _expand(world: World, shown: Any, path: list[str]) -> None:
    if isinstance(shown, list):
        for each in shown:  # pyright: ignore[reportUnknownVariableType]  # JSON
            _expand(world, each, path)
        return
    if not isinstance(shown, dict) or not path:
        return
    name, *rest = path
    value: Any = shown.get(name)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # JSON
    if isinstance(value, str):
        value = shown[name] = copy.deepcopy(world.records.get(value)) or value
    _expand(world, value, rest)
