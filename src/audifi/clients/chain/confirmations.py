"""Say how deep a block must be before it counts, on every chain at once: CHAIN_CONFIRMATIONS.

Between: a process's settings (one machine waits for 1 and 3 blocks) and clients.chain.pool.chains.
Errors: SettingsError for what is not act/final.
Source: wire.chains (production's numbers).
"""

from collections.abc import Mapping
from dataclasses import replace

from audifi.kernel.settings import SettingsError
from audifi.wire import environment
from audifi.wire.chains import CHAINS, ChainFacts


def facts(confirmations: str | None) -> Mapping[int, ChainFacts]:
    """The chains' facts; `act/final` replaces how deep a block must be, on every chain."""
    if confirmations is None:
        return CHAINS
    act, _, final = confirmations.partition("/")
    if not (act.isdigit() and final.isdigit() and 1 <= int(act) <= int(final)):
        raise SettingsError([f"{environment.CHAIN_CONFIRMATIONS} is {confirmations!r}: expected act/final, e.g. 1/3"])
    return {
        number: replace(each, act_confirmations=int(act), final_confirmations=int(final))
        for number, each in CHAINS.items()
    }
