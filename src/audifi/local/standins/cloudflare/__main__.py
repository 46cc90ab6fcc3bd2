"""Run the Cloudflare stand-in: an account with one zone that nobody has touched yet.

    python -m audifi.local.standins.cloudflare --http PORT --token-file FILE [--zone audifi.io]

Between: `audifi plan`, `apply` and `drift` with --api-url http://127.0.0.1:PORT/client/v4, octoDNS with that `api_url`,
and tests. The platform of one machine does not start it: nothing there needs Cloudflare.
Shape: says `ready http://127.0.0.1:PORT/client/v4` on standard output once it answers; 0 takes a free port.
Invariant: loopback only; the token is read from a file; what it holds is gone when it ends.
Errors: exits 2 for wrong options.
"""

import argparse
import asyncio
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from audifi.local.standins.cloudflare.account import Account
from audifi.local.standins.cloudflare.server import PREFIX, application
from audifi.local.standins.keys import Keys

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Options:
    """What it is started with."""

    http: int
    token_file: Path
    zone: str


async def serve(options: Options) -> None:
    """Serve until told to stop."""
    account = Account()
    if options.zone:
        account.add_zone(options.zone)
    runner = web.AppRunner(application(account, Keys(options.token_file)), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, HOST, options.http)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await site.start()
        sys.stdout.write(f"ready http://{HOST}:{runner.addresses[0][1]}{PREFIX}\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description="Cloudflare stand-in")
    parser.add_argument("--http", type=int, default=0)
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--zone", default="audifi.io")
    found = parser.parse_args()
    asyncio.run(serve(Options(found.http, found.token_file, found.zone)))


if __name__ == "__main__":
    main()
