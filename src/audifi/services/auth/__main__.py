"""Run one pod of auth-service: `python -m audifi.services.auth`.

Between: the supervisor or the container (environment, signals) and app.lifespan.
Errors: wrong settings are all listed and exit 2.
"""

from audifi.kernel.server import run
from audifi.services.auth.app import lifespan
from audifi.services.auth.settings import AuthSettings

if __name__ == "__main__":
    run(AuthSettings, lifespan, title="auth-service")
