"""Know where the journey plays: addresses of one running platform, and how to come from an address of one's own.

Between: play and seed (open a stage), people and the acts (ask it for clients), local.resolution (where things are).
Shape: limits count by address, so every person comes from one of 127.0.0.0/8 that nobody else uses: the edge and the
gateway pass on what they see, and services count it.
Invariant: a program that was told to wait by a refusal waits, and tries a failed write again with the same key, as a
good client does; everything it opened is closed at the end.
Units: *_s seconds.
Errors: NotRunning when the platform does not run.
"""

import secrets
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import aiohttp

from audifi.drills.journey.mailbox import Mailbox
from audifi.drills.journey.narration import Narrator
from audifi.drills.journey.story import Story
from audifi.drills.journey.wallets import Node, Wallet
from audifi.local import resolution
from audifi.local.certificates import authority_directory
from audifi.local.errors import NotRunning
from audifi.local.state import Instance
from audifi.sdk import Audifi, RetryPolicy
from audifi.topology.declaration import platform
from audifi.topology.model.whole import Topology

# A database without its primary takes a write again after seconds: waiting for it is what a good client does.
PATIENT: Final = RetryPolicy(attempts=30, first_s=0.5, wait_s_max=4.0, deadline_s=60.0)


@dataclass
class Stage:
    """One running platform, and one run on it."""

    instance: Instance
    topology: Topology
    http: aiohttp.ClientSession
    opened: AsyncExitStack
    run: str  # eight characters that no other run has

    @property
    def api_url(self) -> str:
        return resolution.public_url(self.instance, self.topology, "api")

    @property
    def mailbox(self) -> Mailbox:
        return Mailbox(self.port("mail-1", "http"), self.http)

    def port(self, pod: str, name: str) -> int:
        return resolution.port(self.instance, self.topology, pod, name)

    def node(self, chain: str) -> Node:
        """A chain's own node, as a wallet reaches it."""
        chain_id = next(each.chain_id for each in self.topology.chains if each.name == chain)
        return Node(self.port(f"{chain}-1", "rpc"), chain_id, self.http)

    async def wallet(self, chain: str, key: str | None = None) -> Wallet:
        """A wallet with play money: a new one, or the one of this key."""
        return await Wallet.funded(self.node(chain), key)

    async def client(self, address: str | None = None) -> Audifi:
        """A program of somebody who is not signed in, at an address of its own unless one is given."""
        client = Audifi(
            self.api_url,
            ca_file=authority_directory(self.instance.path) / "ca.pem",
            retries=PATIENT,
            local_address=address or own_address(),
            user_agent="audifi-journey",
        )
        return await self.opened.enter_async_context(client)


@dataclass(frozen=True)
class Telling:
    """One story, told at one place."""

    stage: Stage
    story: Story
    narrator: Narrator


@asynccontextmanager
async def stage(instance: Instance) -> AsyncGenerator[Stage]:
    """Open a stage on a running platform."""
    if instance.running() is None:
        raise NotRunning(f"nothing is running in {instance.path}; start it: ./audifi up")
    async with AsyncExitStack() as opened:
        http = await opened.enter_async_context(aiohttp.ClientSession())
        yield Stage(instance, platform("local"), http, opened, secrets.token_hex(4))


def own_address() -> str:
    """One of sixteen million loopback addresses; never 127.0.0.x, which is the machine's own."""
    return "127." + ".".join(str(1 + secrets.randbelow(254)) for _ in range(3))
