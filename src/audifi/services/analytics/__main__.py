"""Run one pod of analytics-service: `python -m audifi.services.analytics`.

Between: the supervisor or the container (environment, signals) and app.lifespan.
Errors: wrong settings are all listed and exit 2.
"""

from audifi.kernel.server import run
from audifi.services.analytics.app import lifespan
from audifi.services.analytics.settings import AnalyticsSettings

if __name__ == "__main__":
    run(AnalyticsSettings, lifespan, title="analytics-service")
