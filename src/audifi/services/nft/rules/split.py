"""Divide what a master earned: the artist, the platform, each collaborator, and the holders of its shares.

Between: sagas.dividend and routes.revenue (previews); pure.
Units: wei; basis points of the gross amount.
Invariant: everybody's part but the holders' is floored, the holders take the rest (the dust included): the parts add up
to the gross amount.
Errors: ValueError for a negative amount, or for terms that add up to more than the whole.
Source: domain.md 2.2 "Revenue split", 9.18.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from audifi.services.nft.rules.money import WHOLE_BPS, part


@dataclass(frozen=True)
class Cut:
    """A collaborator's part of every revenue."""

    name: str
    bps: int
    wallet: str | None = None


@dataclass(frozen=True)
class Terms:
    """How an IPO promises to divide revenue; the holders have what these leave."""

    artist_bps: int
    platform_bps: int
    collaborators: Sequence[Cut] = ()


@dataclass(frozen=True, kw_only=True)
class Split:
    """One revenue, divided."""

    gross_wei: int
    holders_wei: int
    artist_wei: int
    platform_wei: int
    collaborators: Sequence[tuple[Cut, int]]

    @property
    def collaborators_wei(self) -> int:
        """What all collaborators together get."""
        return sum(amount for _, amount in self.collaborators)


def split(gross_wei: int, terms: Terms) -> Split:
    """Divide a revenue."""
    promised = terms.artist_bps + terms.platform_bps + sum(cut.bps for cut in terms.collaborators)
    if promised > WHOLE_BPS:
        raise ValueError(f"the terms promise {promised} of {WHOLE_BPS} basis points")
    artist, platform = part(gross_wei, terms.artist_bps), part(gross_wei, terms.platform_bps)
    collaborators = [(cut, part(gross_wei, cut.bps)) for cut in terms.collaborators]
    holders = gross_wei - artist - platform - sum(amount for _, amount in collaborators)
    return Split(
        gross_wei=gross_wei,
        holders_wei=holders,
        artist_wei=artist,
        platform_wei=platform,
        collaborators=tuple(collaborators),
    )
