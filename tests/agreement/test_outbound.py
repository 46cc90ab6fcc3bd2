"""The outbound clients do what the topology declares: chains, providers, breakers.

Between: topology.thirdparties (declares), wire.chains (facts) and clients.chain, clients.ipfs (obey).
"""

import pytest

from audifi.clients.chain.pool import health
from audifi.clients.chain.providers import parse_providers
from audifi.clients.ipfs import breaker
from audifi.topology.declaration import platform
from audifi.topology.environments import process_environment
from audifi.topology.model.network import Breaker
from audifi.topology.references import describe
from audifi.wire import environment as names
from audifi.wire.chains import CHAINS


def test_the_breakers_are_the_declared_ones() -> None:
    declared = platform("production").rpc
    assert declared.breaker_failures == health.FAILURES_RUN
    assert declared.breaker_probe_ms == 1000 * health.PROBE_S
    of_links = Breaker()
    assert (of_links.failures, of_links.open_s, of_links.successes) == (
        breaker.FAILURES_MAX,
        breaker.OPEN_S,
        breaker.SUCCESSES_MIN,
    )


@pytest.mark.parametrize("environment", ["local", "staging", "production"])
def test_every_declared_chain_is_known_to_the_clients_by_the_same_name(environment: str) -> None:
    for chain in platform(environment).chains:
        assert CHAINS[chain.chain_id].name == chain.name


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_the_clients_read_the_providers_that_the_topology_tells_in_their_order(environment: str) -> None:
    topology = platform(environment)
    told = describe(process_environment(topology, "worker")[names.RPC_PROVIDERS])
    found = parse_providers(told, "alchemy=a,infura=b")
    assert [(each.chain_id, each.name) for each in found] == [
        (chain.chain_id, provider) for chain in topology.chains for provider in chain.providers
    ]
