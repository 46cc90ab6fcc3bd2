"""Run one pod of payment-service: `python -m audifi.services.payment`.

Between: the supervisor or the container (environment, signals) and app.lifespan.
Errors: wrong settings are all listed and exit 2.
"""

from audifi.kernel.server import run
from audifi.services.payment.app import lifespan
from audifi.services.payment.settings import PaymentSettings

if __name__ == "__main__":
    run(PaymentSettings, lifespan, title="payment-service")
