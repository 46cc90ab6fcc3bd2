"""Answer an operator about what nft-service keeps: `python -m audifi.services.nft.console reconcile`.

Between: audifi.local.console (runs it with the environment of an nft-service pod) and reconcile.
Shape: reconcile → Report.
Invariant: reads only.
Errors: refusals of settings, stores and chains, one line, exit 2.
"""

import argparse
from typing import Any

import msgspec

from audifi.kernel import logs
from audifi.kernel.clock import SystemClock
from audifi.kernel.console import answer, progress
from audifi.kernel.settings import parse
from audifi.services.nft.app import assembled, opened
from audifi.services.nft.reconcile import compare
from audifi.services.nft.settings import NftSettings


async def work() -> Any:
    """Compare once, with everything open."""
    settings = parse(NftSettings)
    async with opened(settings) as stores:
        progress("comparing every share and every amount with the chains")
        return msgspec.to_builtins(await compare(assembled(settings, stores, clock=SystemClock())))


def main() -> None:
    """Read the arguments and answer."""
    logs.configure("error")
    parser = argparse.ArgumentParser(prog="audifi.services.nft.console", description="ask what nft-service keeps")
    parser.add_subparsers(dest="verb", required=True).add_parser("reconcile")
    parser.parse_args()
    answer(work())


if __name__ == "__main__":
    main()
