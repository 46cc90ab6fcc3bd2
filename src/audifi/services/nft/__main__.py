"""Run one pod of nft-service: `python -m audifi.services.nft`.

Between: the supervisor or the container (environment, signals) and app.lifespan.
Errors: wrong settings are all listed and exit 2.
"""

from audifi.kernel.server import run
from audifi.services.nft.app import lifespan
from audifi.services.nft.settings import NftSettings

if __name__ == "__main__":
    run(NftSettings, lifespan, title="nft-service")
