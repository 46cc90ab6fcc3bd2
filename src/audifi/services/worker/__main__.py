"""Run one pod of the worker: `python -m audifi.services.worker`.

Between: the supervisor or the container (environment, signals) and app.lifespan.
Errors: wrong settings are all listed and exit 2.
"""

from audifi.kernel.server import run
from audifi.services.worker.app import lifespan
from audifi.services.worker.settings import WorkerSettings

if __name__ == "__main__":
    run(WorkerSettings, lifespan, title="worker")
