"""Bring a master and its IPO to the chain, step by step.

Between: routes.ipos (starts it), the queue (`chain.settled`, `content.pinned`), store.ipos.
Source: domain.md 2.8 "Mint/launch".
"""

from audifi.kernel.queue import Handler
from audifi.services.nft.parts import Parts


def handlers(_parts: Parts) -> dict[str, Handler]:
    """Return what a launch listens to."""
    return {}
