"""Read what a provider's stand-in is told at its start, from a file that only its user may read.

Between: components.rpc_providers (writes it) and the process (reads it once).
Shape: provider, where its keys are, two ports, one entry per chain: its name and id with us, the provider's word for
it, its node.
Invariant: a key is in its file and nowhere else: not in argv, not in the environment, not in a log.
Errors: msgspec.ValidationError says which field is wrong.
"""

from pathlib import Path
from typing import Literal

import msgspec


class ChainOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One chain it serves."""

    name: str
    chain_id: int
    network: str  # the provider's word: eth-mainnet, mainnet
    node: int  # the port of anvil


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where it listens, as whom, in front of what."""

    provider: Literal["alchemy", "infura"]
    key_file: str
    http: int
    control: int
    chains: tuple[ChainOptions, ...]


def read(path: Path) -> Options:
    """The options in this file."""
    return msgspec.json.decode(path.read_bytes(), type=Options)
