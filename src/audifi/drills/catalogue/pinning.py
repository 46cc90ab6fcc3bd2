"""Lose the first pinning provider, or what it was given to keep.

Between: drills.catalogue (collects), faults (break) and workloads.pins (pins, audits, repairs).
Shape: dead: files are taken in all the same, and get to every place when it is back. Lossy: it says that it has what it
has lost; an audit finds each of them and a repair brings them back, hash by hash.
Units: *_s seconds.
Source: design.md "IPFS Pinning" (promise ipfs-pinning); domain.md 2.8; issue 6.
"""

from typing import Final

from audifi.drills.drill import Drill, Findings, Sabotage, Scene, Timeline, Way
from audifi.drills.faults import processes
from audifi.drills.faults.providers import turned
from audifi.drills.timing import US, now_us
from audifi.drills.workloads import pins
from audifi.local.waiting import TimedOut

FIRST: Final = "pinata-1"
PROMISE: Final = "ipfs-pinning"
PINNED_WITHIN_S: Final = 120.0  # the keeper's pause grows to a minute while a provider is away
SABOTAGED_S: Final = 10.0  # waited for under sabotage: nobody comes
LOST: Final = 2  # of the files


async def _dead(scene: Scene) -> Findings:
    """Pin while it is dead, bring it back, and find everything everywhere."""
    stage, narrator = scene.stage, scene.narrator
    injected_us = now_us()
    if scene.way is Way.CONTROL:
        cids = await _taken(scene)
    else:
        async with processes.lost(processes.pod(FIRST))(scene) as proof:
            narrator.note(proof)
            cids = await _taken(scene)
    healed_us = now_us()
    async with narrator.step("every provider has every file"):
        try:
            within_s = SABOTAGED_S if scene.way is Way.SABOTAGE else PINNED_WITHIN_S
            await pins.pinned(stage, cids, within_s=within_s)
        except TimedOut as reason:
            narrator.note(f"{reason}")
    recovered_us = now_us()
    left = [*await pins.unpinned(stage, cids), *await pins.damage(stage, cids)]
    return Findings(
        measured={PROMISE: len(left)},
        figures={
            "files": len(cids),
            "not as it should be": next(iter(left), None),
            "pinned after_s": round((recovered_us - healed_us) / US, 2),
        },
        timeline=Timeline(injected_us=injected_us, healed_us=healed_us, recovered_us=recovered_us),
    )


async def _lossy(scene: Scene) -> Findings:
    """Pin, lose some of it behind everybody's back, audit, repair, audit."""
    stage, narrator = scene.stage, scene.narrator
    cids = await _taken(scene)
    async with narrator.step("every provider has every file"):
        await pins.pinned(stage, cids, within_s=PINNED_WITHIN_S)
    lost = [] if scene.way is Way.CONTROL else cids[:LOST]
    injected_us = now_us()
    if lost:
        async with turned(stage, FIRST, lose_pin=lost):
            narrator.note(f"{FIRST} lost {', '.join(lost)}")
    async with narrator.step("an audit looks at every copy"):
        found = await pins.damage(stage, cids)
    detected_us = now_us()
    if scene.way is not Way.SABOTAGE:
        async with narrator.step("a repair brings back what is missing"):
            await pins.asked(stage, "pins-repair")
    recovered_us = now_us()
    left = await pins.damage(stage, cids)
    return Findings(
        measured={PROMISE: len(left)},
        wrong=tuple(f"{cid} was lost, and the audit did not find it" for cid in lost if cid not in " ".join(found)),
        figures={"files": len(cids), "lost": len(lost), "found": len(found), "left": len(left)},
        timeline=Timeline(injected_us=injected_us, detected_us=detected_us, recovered_us=recovered_us),
    )


async def _taken(scene: Scene) -> list[str]:
    async with scene.narrator.step("files are taken in"):
        return await pins.added(scene.stage)


DRILLS = (
    Drill(
        name="pinning-provider-dead",
        summary="The first pinning provider is gone while files are pinned; when it is back, it gets them.",
        proves=(PROMISE,),
        play=_dead,
        sabotage=Sabotage(
            removes="no worker runs, so nobody brings them there", deed=processes.halted(processes.every("worker"))
        ),
    ),
    Drill(
        name="pinning-provider-lossy",
        summary="The first pinning provider loses files it says it has; audit finds them, repair brings them back.",
        proves=(PROMISE,),
        play=_lossy,
        sabotage=Sabotage(removes="nobody repairs"),
    ),
)
