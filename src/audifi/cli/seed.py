"""Plant the demo data: an artist on PRO with three recordings and a V Studio session, a producer, an administrator.

Between: a person and drills.seed.
Shape: one line per part; `--code EMAIL` prints the one-time code that person would type now.
Invariant: planting twice changes nothing. It is done through the public API.
Errors: a part that cannot be made says why: exit 1.
Exit: 0 everything is there · 1 a part is missing · 2 wrong use, or nothing runs
Example: ./audifi seed && ./audifi seed --code alex@example.com
"""

import asyncio
import sys
from typing import Any

from audifi.cli.options import DEFAULT, InstanceOption, running
from audifi.drills.journey.narration import LOOK, JourneyFailed, Narrator
from audifi.drills.seed import demo
from audifi.drills.seed.keyring import Keyring
from audifi.drills.seed.plant import planted
from audifi.local.errors import LocalError


def seed(*, code: str | None = None, instance: InstanceOption = DEFAULT) -> int:
    """Plant the demo data.

    Parameters
    ----------
    code
        Only print the one-time code of this person's second factor.
    instance
        Directory of the running platform.
    """
    found, _ = running(instance)
    if code is not None:
        totp = Keyring.of(found).totp(code)
        if totp is None:
            raise LocalError(f"{code} has no second factor that is known here; plant the demo first: ./audifi seed")
        sys.stdout.write(f"{totp.now()}\n")
        return 0
    try:
        asyncio.run(planted(found, Narrator(_tell)))
    except JourneyFailed as failure:
        sys.stdout.flush()
        sys.stderr.write(f"audifi: could not plant {failure.step}\n  {failure.reason}\n  look: {LOOK}\n")
        return 1
    sys.stdout.write(
        f"\nSign in as {demo.ARTIST}, {demo.PRODUCER} or {demo.ADMIN}: ask for a link, then ./audifi mail --link\n"
        f"The second factor's code, where one is asked for: ./audifi seed --code {demo.ARTIST}\n"
    )
    return 0


def _tell(event: dict[str, Any]) -> None:
    match event["event"]:
        case "began":
            sys.stdout.write(f"{event['step']}\n")
        case "note":
            sys.stdout.write(f"  · {event['text']}\n")
        case _:
            return
    sys.stdout.flush()
