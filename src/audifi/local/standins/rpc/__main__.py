"""Start a provider's stand-in and end it at the first SIGTERM.

Between: local.keeper (starts and ends it) and the two ports.
Invariant: nothing is awaited at the end: connections are cut, as a real process's are when it is killed.
Errors: what is wrong with the options, or a port that is taken, ends it with a traceback in its log.
"""

import argparse
import asyncio
import signal
from pathlib import Path

import uvloop

from audifi.local.standins.rpc import options
from audifi.local.standins.rpc.control import Control
from audifi.local.standins.rpc.gate import Gate
from audifi.local.standins.rpc.liveness import Liveness
from audifi.local.standins.rpc.server import Listener


async def serve(told: options.Options) -> None:
    """Serve until told to stop."""
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    gate = Gate(told)
    listener = Listener(told.http, gate.answer)
    liveness = Liveness(listener, gate.chains.values())
    control = Listener(told.control, Control(gate, liveness).answer)
    await listener.open()
    await control.open()
    await ending.wait()
    liveness.stop()
    for each in (control, listener):
        each.close()
    for chain in gate.chains.values():
        chain.node.close()


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description="stand-in of a blockchain RPC provider")
    parser.add_argument("--options", type=Path, required=True)
    found = parser.parse_args()
    uvloop.run(serve(options.read(found.options)))


if __name__ == "__main__":
    main()
