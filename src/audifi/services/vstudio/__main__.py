"""Run one pod of vstudio-service: `python -m audifi.services.vstudio`.

Between: the supervisor or the container (environment, signals) and app.lifespan.
Errors: wrong settings are all listed and exit 2.
"""

from audifi.kernel.server import run
from audifi.services.vstudio.app import lifespan
from audifi.services.vstudio.settings import VstudioSettings

if __name__ == "__main__":
    run(VstudioSettings, lifespan, title="vstudio-service")
