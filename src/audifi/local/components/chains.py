"""Run one anvil per chain, with the chain's own id: what the providers' stand-ins show.

Between: topology (components ethereum, polygon, base), local.standins.rpc (asks) and contract tests.
Shape: a block every second while it is used, every 12 s when nobody does (local.standins.anvil says when); `safe` and
`finalized` follow the head by 2 and 4 blocks.
Invariant: loopback only; ten accounts of anvil's public development mnemonic hold 10 000 ether each, so nothing here
may ever be given a real key. What was mined survives a restart.
Errors: MissingBinary when anvil was not installed.
"""

import sys
from functools import partial
from typing import Final

from eth_keys.datatypes import PrivateKey

from audifi.local import probes, resolution
from audifi.local.binaries import anvil
from audifi.local.components import JobSpec, PodSpec
from audifi.local.state import Instance
from audifi.topology.model.whole import Topology

FUNDS_WEI: Final = 10_000 * 10**18  # as much as anvil's own accounts


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    """One node per chain."""
    return tuple(_pod(instance, topology, chain.name, chain.chain_id) for chain in topology.chains)


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:
    """Give the platform's signer money on every chain, as somebody has to in production."""
    return tuple(
        JobSpec(
            name=f"{chain.name}:funds",
            component=chain.name,
            after=(f"{chain.name}-1",),
            run=partial(_fund, instance, topology, chain.name),
        )
        for chain in topology.chains
    )


def _pod(instance: Instance, topology: Topology, chain: str, chain_id: int) -> PodSpec:
    pod = f"{chain}-1"
    ports = resolution.ports(instance, topology, pod, "rpc")
    options = {
        "anvil": anvil(),
        "port": ports["rpc"],
        "chain-id": chain_id,
        "directory": instance.data(pod),
    }
    return PodSpec(
        name=pod,
        component=chain,
        argv=(
            *(sys.executable, "-m", "audifi.local.standins.anvil"),
            *(f"--{name}={value}" for name, value in options.items()),
        ),
        ready=partial(_ready, ports["rpc"], chain_id),
        ports=ports,
    )


async def _ready(port: int, chain_id: int) -> str:
    found = await probes.rpc(port, "eth_chainId")
    if found != hex(chain_id):
        raise probes.NotReady(f"port {port} is chain {found}, not {chain_id:#x}")
    return f"chain {chain_id}"


async def _fund(instance: Instance, topology: Topology, chain: str) -> str:
    key = resolution.secret(instance, topology, "chain-signer-key")
    address = PrivateKey(bytes.fromhex(key.removeprefix("0x"))).public_key.to_address()
    number = resolution.port(instance, topology, f"{chain}-1", "rpc")
    if int(await probes.rpc(number, "eth_getBalance", address, "latest"), 16) < FUNDS_WEI // 2:
        await probes.rpc(number, "anvil_setBalance", address, hex(FUNDS_WEI))
        return f"the signer {address} was given {FUNDS_WEI // 10**18} ether"
    return f"the signer {address} has money"
