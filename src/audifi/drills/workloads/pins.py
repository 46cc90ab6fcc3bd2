"""Pin files as an operator does, and ask what became of them.

Between: drills.catalogue.pinning (breaks providers) and the worker's console, which works on the workers' own rows.
Shape: a handful of files of a few hundred kilobytes that nobody has pinned yet.
Units: *_s seconds.
Invariant: what was acknowledged is asked for at every provider: the ledger's rows alone are not believed.
Errors: LocalError with what the console refused; TimedOut when files do not get to their places.
"""

import asyncio
import secrets
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from audifi.drills.journey.stage import Stage
from audifi.local import console, resolution
from audifi.local.waiting import NotReady, wait_for

CONSOLE: Final = "audifi.services.worker.console"
POD: Final = "worker-1"  # whose environment the console is given
FILES: Final = 4
BYTES: Final = 300_000
LOOKS_EVERY_S: Final = 2.0


async def asked(stage: Stage, *words: str) -> Any:
    """What the worker's console says."""
    told = resolution.environment(stage.instance, stage.topology, POD)
    return await asyncio.to_thread(console.run, CONSOLE, words, told, on_progress=lambda _: None)


async def added(stage: Stage) -> list[str]:
    """Have new files pinned; return their CIDs once each is acknowledged."""
    with tempfile.TemporaryDirectory() as directory:
        paths = [Path(directory) / f"drill-{number}.bin" for number in range(FILES)]
        for path in paths:
            path.write_bytes(secrets.token_bytes(BYTES))
        found = [await asked(stage, "pins-add", str(path)) for path in paths]
    return [each["cid"] for each in found]


async def unpinned(stage: Stage, cids: Iterable[str]) -> list[str]:
    """Those that are not at every provider yet, with where they are."""
    listed = {each["cid"]: each for each in await asked(stage, "pins-list")}
    return [
        f"{cid}: {listed[cid]['standing'] if cid in listed else 'unknown'}"
        for cid in cids
        if cid not in listed or listed[cid]["standing"] != "pinned"
    ]


async def pinned(stage: Stage, cids: Sequence[str], *, within_s: float) -> None:
    """Wait until every provider has them, verified."""

    async def look() -> None:
        if left := await unpinned(stage, cids):
            raise NotReady(f"{left}")

    await wait_for(look, within_s=within_s, saying="pinned everywhere", every_s=LOOKS_EVERY_S)


async def damage(stage: Stage, cids: Sequence[str]) -> list[str]:
    """What an audit of all providers finds wrong with these; extra copies cost money and nothing else."""
    report = await asked(stage, "pins-audit")
    return [
        f"{each['provider']} {each['cid']}: {each['fault']}"
        for each in report["findings"]
        if each["cid"] in cids and each["fault"] != "extra"
    ]
