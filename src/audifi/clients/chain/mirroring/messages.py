"""Shape what the worker and a mirroring service tell each other.

Between: routes (a service decodes and answers) and the worker's indexer (encodes and reads).
Shape: `Batch` says: these are all logs of the watched addresses in the blocks first…checkpoint.block. A batch whose
checkpoint is the block before `first` says: whatever is known from `first` on is in the chain no more.
Units: blocks by number; hashes and addresses 0x-hex lower case.
Invariant: a batch names the checkpoint and the number of watches it was read for; a service that has moved on since,
or watches more, refuses it.
Errors: what does not fit is refused by msgspec.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from audifi.kernel.http import Body, Reply

Hex = Annotated[str, Meta(pattern=r"^0x([0-9a-f]{2})*\Z")]
Hash = Annotated[str, Meta(pattern=r"^0x[0-9a-f]{64}\Z")]
Address = Annotated[str, Meta(pattern=r"^0x[0-9a-f]{40}\Z")]
Number = Annotated[int, Meta(ge=0, le=2**53)]


class ChainPath(Body):
    """Which chain."""

    chain_id: Annotated[int, Meta(ge=1, le=2_147_483_647)]


class Place(Body):
    """A block: how far a mirror goes. Without a hash it was rolled back, and nobody compared it with the chain."""

    block: Annotated[int, Meta(ge=-1, le=2**53)]
    hash: Hash | None = None


class Watch(Body):
    """An address whose logs count, and whose code it is."""

    address: Address
    contract: str


class Watched(Reply, kw_only=True):
    """What to follow, and after which block; `checkpoint` is null while nothing is watched."""

    addresses: list[Watch]
    checkpoint: Place | None = None

    @property
    def next_block(self) -> int:
        """The first block that is not mirrored."""
        return 0 if self.checkpoint is None else self.checkpoint.block + 1


class LogBody(Body, kw_only=True):
    """A log as the chain tells it."""

    address: Address
    topics: tuple[Hash, ...]
    data: Hex
    block_number: Number
    block_hash: Hash
    tx_hash: Hash
    log_index: Annotated[int, Meta(ge=0, le=2**31 - 1)]

    def answer(self) -> Mapping[str, Any]:
        """Return it as eth_getLogs would, for contracts.events."""
        return {
            "address": self.address,
            "topics": self.topics,
            "data": self.data,
            "blockNumber": hex(self.block_number),
            "blockHash": self.block_hash,
            "transactionHash": self.tx_hash,
            "logIndex": hex(self.log_index),
        }


class Batch(Body, kw_only=True):
    """All logs of the watched addresses in these blocks."""

    after: Place  # the checkpoint this was read after
    watches: int  # how many addresses it was read for
    first: Number
    checkpoint: Place  # the last block
    logs: tuple[LogBody, ...] = ()


class Mirrored(Reply):
    """How many facts came or went."""

    changed: int
