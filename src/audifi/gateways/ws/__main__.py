"""Run one WebSocket pod: `python -m audifi.gateways.ws`.

Between: the supervisor or the container (environment, signals) and app.
Errors: wrong settings are all listed and exit 2.
"""

from audifi.gateways.ws.app import main

if __name__ == "__main__":
    main()
