"""Break a coroutine off at its k-th await, as a process that dies there would.

Between: test_crash_points.py and whatever it walks.
Why by hand and not by time: every k is tried once, so no await is missed and none is tried twice by luck.
Invariant: `reached` says whether the coroutine awaited k times; when it did not, the walk is over.
Errors: whatever the coroutine raises but the cancellation that is ours.
"""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any


class BrokenOff:
    """Await a coroutine up to its k-th suspension and cancel it there."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], at: int) -> None:
        self._coroutine = coroutine
        self._at = at
        self.awaits = 0

    @property
    def reached(self) -> bool:
        return self.awaits >= self._at

    async def run(self) -> None:
        try:
            await self
        except asyncio.CancelledError:
            assert self.reached, "cancelled by somebody else"

    def __await__(self) -> Generator[Any, Any, None]:
        inner = self._coroutine.__await__()
        give: Any = None
        fail: BaseException | None = None
        while True:
            try:
                waiting = inner.send(give) if fail is None else inner.throw(fail)
            except StopIteration:
                return
            give, fail = None, None
            self.awaits += 1
            if self.awaits == self._at and waiting is not None:
                waiting.cancel()
            try:
                give = yield waiting
            except BaseException as error:  # noqa: BLE001  # handed to the coroutine, which raises it again
                fail = error
            if self.awaits == self._at and waiting is None:
                fail = asyncio.CancelledError()
