"""Run the Stripe stand-in.

    python -m audifi.local.standins.stripe --http PORT --control PORT --directory DIR --key-file FILE
        [--webhook URL --webhook-secret-file FILE [--ca FILE]]

Between: local.components.stripe (starts it) and server, control, sending.
Invariant: listens on loopback only; keys are read from private files.
Errors: exits 2 for wrong options.
"""

import argparse
import asyncio
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from audifi.local.standins.keys import Keys
from audifi.local.standins.stripe.billing import Billing
from audifi.local.standins.stripe.checkout import Checkout
from audifi.local.standins.stripe.control import Clock, Control, loopback_only
from audifi.local.standins.stripe.faults import Trouble
from audifi.local.standins.stripe.records import Records
from audifi.local.standins.stripe.sending import Sender
from audifi.local.standins.stripe.server import Server
from audifi.local.standins.stripe.world import World

HOST: Final = "127.0.0.1"
TICK_S: Final = 0.25  # how late something due may happen


@dataclass(frozen=True)
class Options:
    """Where it listens, what it keeps, whom it tells."""

    http: int
    control: int
    directory: Path
    keys: Keys
    webhook: str
    webhook_secrets: Keys | None
    ca: Path | None


async def serve(options: Options) -> None:
    """Serve until told to stop."""
    records = Records(options.directory)
    world = World(records, f"http://{HOST}:{options.http}")
    trouble, billing = Trouble(), Billing(world)
    checkout = Checkout(world, billing)
    clock = Clock(world, billing, checkout)
    sender = Sender(world, trouble, url=options.webhook, secrets=options.webhook_secrets, ca=options.ca)
    world.on_event = sender.event
    server = Server(world, billing, checkout, trouble, options.keys)
    runners = [
        await _listen(server.routes(), options.http),
        await _listen(Control(world, trouble, sender, clock).routes(), options.control),
    ]
    working = [asyncio.create_task(_tick(clock))]
    if options.webhook:
        working.append(asyncio.create_task(sender.run()))
    await _stopped(working)
    for runner in runners:
        await runner.cleanup()
    records.close()


async def _listen(routes: list[web.RouteDef], port: int) -> web.AppRunner:
    application = web.Application(middlewares=[loopback_only])
    application.add_routes(routes)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    return runner


async def _tick(clock: Clock) -> None:
    while True:
        clock.catch_up()
        await asyncio.sleep(TICK_S)


async def _stopped(working: list[asyncio.Task[None]]) -> None:
    """Return on SIGTERM or SIGINT; a task that ends by itself ends us with its error."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    waiting = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([waiting, *working], return_when=asyncio.FIRST_COMPLETED)
    for task in (waiting, *working):
        task.cancel()
    for task in done - {waiting}:
        task.result()


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description="Stripe stand-in")
    parser.add_argument("--http", type=int, required=True)
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--key-file", type=Path, required=True)
    parser.add_argument("--webhook", default="")
    parser.add_argument("--webhook-secret-file", type=Path)
    parser.add_argument("--ca", type=Path)
    found = parser.parse_args()
    if found.webhook and not found.webhook_secret_file:
        parser.error("--webhook needs --webhook-secret-file")
    secrets = Keys(found.webhook_secret_file) if found.webhook_secret_file else None
    keys = Keys(found.key_file)
    asyncio.run(serve(Options(found.http, found.control, found.directory, keys, found.webhook, secrets, found.ca)))


if __name__ == "__main__":
    main()
