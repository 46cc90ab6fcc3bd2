"""Name what the worker is told beyond what every service is.

Between: topology.environments (computes the values) and __main__, console (parse them once).
Errors: kernel.settings lists every problem and exits 2.
"""

from dataclasses import dataclass
from typing import Annotated

from audifi.kernel.settings import Env, Secret, ServiceSettings
from audifi.wire import environment


@dataclass(frozen=True, kw_only=True)
class WorkerSettings(ServiceSettings):
    """The environment of one worker pod."""

    rpc_providers: Annotated[tuple[str, ...], Env(environment.RPC_PROVIDERS)]
    rpc_keys: Annotated[Secret, Env(environment.RPC_KEYS)]
    chain_signer_key: Annotated[Secret, Env(environment.CHAIN_SIGNER_KEY)]
    content_directory: Annotated[str, Env(environment.CONTENT_DIRECTORY)]
    pinata_api_url: Annotated[str, Env(environment.PINATA_API_URL)]
    pinata_uploads_url: Annotated[str, Env(environment.PINATA_UPLOADS_URL)]
    pinata_gateway_url: Annotated[str, Env(environment.PINATA_GATEWAY_URL)]
    pinata_token: Annotated[Secret, Env(environment.PINATA_TOKEN)]
    pinning_service_url: Annotated[str, Env(environment.PINNING_SERVICE_URL)]
    pinning_service_gateway_url: Annotated[str, Env(environment.PINNING_SERVICE_GATEWAY_URL)]
    pinning_service_token: Annotated[Secret, Env(environment.PINNING_SERVICE_TOKEN)]
    nft_storage_url: Annotated[str, Env(environment.NFT_STORAGE_URL)]
    nft_storage_token: Annotated[Secret, Env(environment.NFT_STORAGE_TOKEN)]
    mail_url: Annotated[str, Env(environment.MAIL_URL)]
    mail_from: Annotated[str, Env(environment.MAIL_FROM)]
    app_url: Annotated[str, Env(environment.APP_URL)]
    mail_password: Annotated[Secret | None, Env(environment.MAIL_PASSWORD)] = None
    chain_confirmations: Annotated[str | None, Env(environment.CHAIN_CONFIRMATIONS)] = None
    chain_admin_address: Annotated[str | None, Env(environment.CHAIN_ADMIN_ADDRESS)] = None
    treasury_address: Annotated[str | None, Env(environment.TREASURY_ADDRESS)] = None
    pinata_gateway_token: Annotated[Secret | None, Env(environment.PINATA_GATEWAY_TOKEN)] = None
    pinata_legacy_regions: Annotated[tuple[str, ...], Env(environment.PINATA_LEGACY_REGIONS)] = ()
    ipfs_gateways: Annotated[tuple[str, ...], Env(environment.IPFS_GATEWAYS)] = ()
