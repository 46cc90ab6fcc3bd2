"""Let the companies outside misbehave: RPC providers, pinning services, Stripe, by the knobs of their stand-ins.

Between: drills.catalogue.providers (chooses), local.knobs (turns) and drills.scars (clears them when we are killed).
Shape: `misbehaving("alchemy-1", hang=True)` is a Deed; the words are the stand-in's own Faults.
Invariant: entered when the stand-in says that these faults are in force; left when it behaves.
Errors: KnobRefused, NotRunning; Mismatch when the stand-in took something else than it was told.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from audifi.drills import scars
from audifi.drills.drill import Deed, Scene
from audifi.drills.journey.stage import Stage
from audifi.local import knobs


def misbehaving(pod: str, **faults: Any) -> Deed:
    """Turn these knobs of a stand-in."""

    @asynccontextmanager
    async def deed(scene: Scene) -> AsyncGenerator[str]:
        async with turned(scene.stage, pod, **faults) as proof:
            yield proof

    return deed


@asynccontextmanager
async def turned(stage: Stage, pod: str, **faults: Any) -> AsyncGenerator[str]:
    """Hold a stand-in's faults for as long as the block runs."""
    words = ", ".join(f"{name}={value}" for name, value in faults.items())
    async with scars.scarred(stage, f"{pod} misbehaves: {words}", behave, pod=pod):
        await knobs.set_faults(knobs.control_of(stage.instance, pod), **faults)
        yield f"{pod}: {words}"


async def behave(stage: Stage, told: scars.Told) -> None:
    """Clear a stand-in's faults."""
    await knobs.clear_faults(knobs.control_of(stage.instance, str(told["pod"])))
