"""Run one pod of coin-service: `python -m audifi.services.coin`.

Between: the supervisor or the container (environment, signals) and app.lifespan.
Errors: wrong settings are all listed and exit 2.
"""

from audifi.kernel.server import run
from audifi.services.coin.app import lifespan
from audifi.services.coin.settings import CoinSettings

if __name__ == "__main__":
    run(CoinSettings, lifespan, title="coin-service")
