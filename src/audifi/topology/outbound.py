"""Compute what a process is told of third parties: addresses in order of preference, keys apart.

Between: topology.environments (asks per process and per link) and clients.chain, clients.ipfs (parse it).
Shape: RPC_PROVIDERS is `chain_id:provider=url,…` with `{key}` in the URL; RPC_KEYS is `provider=key,…`.
Invariant: a provider is named only to who has a link to it; a URL never holds a key.
Errors: none.
Source: outbound.md 1.3 (RPC URLs), 4.1 (pinning hosts); domain.md 9.50.
"""

from collections.abc import Callable, Mapping

from audifi.topology import thirdparties
from audifi.topology.model.whole import Topology
from audifi.topology.references import Joined, Secret, Url, Value
from audifi.wire import environment

# On one machine a block costs nothing to wait for, and nobody reorganises it but a drill.
LOCAL_CONFIRMATIONS = "1/3"


def chains(topology: Topology, component_name: str) -> dict[str, Value]:
    """Every chain at every provider it has a link to, primary first; the keys apart."""
    linked = {link.target for link in topology.links_from(component_name)}
    rows = [
        (chain.chain_id, provider, network)
        for chain in topology.chains
        for provider, network in chain.networks
        if provider in linked
    ]
    if not rows:
        return {}
    providers = tuple(dict.fromkeys(provider for _, provider, _ in rows))
    keys = (Joined(values=(f"{name}=", Secret(name=f"{name}-api-key")), separator="") for name in providers)
    urls = (
        Joined(values=(f"{number}:{name}=", _rpc_url(topology, name, net)), separator="") for number, name, net in rows
    )
    told: dict[str, Value] = {
        environment.RPC_PROVIDERS: Joined(values=tuple(urls)),
        environment.RPC_KEYS: Joined(values=tuple(keys)),
    }
    # Empty: what wire.chains says of each chain.
    told[environment.CHAIN_CONFIRMATIONS] = LOCAL_CONFIRMATIONS if topology.environment == "local" else ""
    return told


def _rpc_url(topology: Topology, provider: str, network: str) -> Value:
    path = thirdparties.RPC_PATHS[provider]
    if topology.environment == "local":
        return Url(scheme="http", component=provider, port="http", path=f"/{network}{path}")
    return thirdparties.RPC_HOSTS[provider].format(network=network) + path


def stripe(topology: Topology) -> dict[str, Value]:
    """The payment provider."""
    return {
        environment.STRIPE_API_URL: _hosted_url(topology, "stripe", "https://api.stripe.com"),
        environment.STRIPE_SECRET_KEY: Secret(name="stripe-secret-key"),
        environment.STRIPE_WEBHOOK_SECRET: Secret(name="stripe-webhook-secret", all_accepted=True),
    }


def _pinata(topology: Topology) -> dict[str, Value]:
    def url(host: str) -> Value:
        return _hosted_url(topology, "pinata", f"https://{host}")

    return {
        environment.PINATA_API_URL: url("api.pinata.cloud"),
        environment.PINATA_UPLOADS_URL: url("uploads.pinata.cloud"),
        environment.PINATA_GATEWAY_URL: url("audifi.mypinata.cloud"),
        environment.PINATA_TOKEN: Secret(name="pinata-token"),
        environment.PINATA_GATEWAY_TOKEN: Secret(name="pinata-gateway-token"),
    }


def _pinning_service(topology: Topology) -> dict[str, Value]:
    name = "pinning-service"
    return {
        environment.PINNING_SERVICE_URL: _hosted_url(topology, name, "https://pinning.audifi.io"),
        environment.PINNING_SERVICE_GATEWAY_URL: _hosted_url(topology, name, "https://gateway.pinning.audifi.io"),
        environment.PINNING_SERVICE_TOKEN: Secret(name="pinning-service-token"),
    }


def _nft_storage(topology: Topology) -> dict[str, Value]:
    return {
        environment.NFT_STORAGE_URL: _hosted_url(topology, "nft-storage", "https://preserve.nft.storage", "/api/v1"),
        environment.NFT_STORAGE_TOKEN: Secret(name="nft-storage-token"),
    }


def _hosted_url(topology: Topology, component: str, hosted: str, path: str = "") -> Value:
    """The provider's own address; on one machine its stand-in's."""
    return (
        Url(scheme="http", component=component, port="http", path=path)
        if topology.environment == "local"
        else hosted + path
    )


PINNING: Mapping[str, Callable[[Topology], dict[str, Value]]] = {
    "pinata": _pinata,
    "pinning-service": _pinning_service,
    "nft-storage": _nft_storage,
}
