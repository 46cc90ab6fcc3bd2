"""Lose the companies outside: RPC providers dead, hanging, limiting and lagging.

Between: drills.catalogue (collects), faults.providers and faults.processes (break), workloads.chain_reads (asks).
A caller's error and a height that goes back both count: what is wrong with an answer is as bad as none.
Units: *_s seconds.
Source: design.md "Blockchain RPC" (promises rpc-failover, rpc-rate-limit); architecture.md 7 (RPC failover).
"""

from audifi.drills.drill import Deed, Drill, Sabotage
from audifi.drills.faults import processes
from audifi.drills.faults.providers import misbehaving
from audifi.drills.under_load import Judged, under_load
from audifi.drills.workloads.chain_reads import chain_reads, went_back

FIRST, SECOND = "alchemy-1", "infura-1"
HOLD_S = 6.0

SECOND_GONE = Sabotage(removes="the second provider is gone too", deed=processes.halted(processes.pod(SECOND)))


def _wrong(judged: Judged) -> float:
    return judged.failed() + len(went_back(judged.history.attempts))


def _rpc(
    name: str,
    summary: str,
    promise: str,
    fault: Deed,
    *,
    alerted: str = "",
    alerted_s: float = 0,
    is_quick: bool = False,
) -> Drill:
    """A drill of the first provider."""
    return Drill(
        name=name,
        summary=summary,
        proves=(promise,),
        play=under_load(
            workload=chain_reads, fault=fault, hold_s=HOLD_S, alerted_s=alerted_s, measures={promise: _wrong}
        ),
        sabotage=SECOND_GONE,
        alerts=(alerted,) if alerted else (),
        is_quick=is_quick,
    )


DRILLS = (
    _rpc(
        "rpc-primary-dead",
        "The first RPC provider is gone while every chain is read.",
        "rpc-failover",
        processes.lost(processes.pod(FIRST)),
        is_quick=True,
    ),
    _rpc(
        "rpc-primary-hanging",
        "The first RPC provider takes every question and answers none.",
        "rpc-failover",
        misbehaving(FIRST, hang=True),
        alerted="RpcOnFallback",
        alerted_s=78,  # the alert waits for a minute and may take 16 s more (topology.alerts)
    ),
    _rpc(
        "rpc-primary-lagging",
        "The first RPC provider answers from twenty blocks ago: nobody is shown a height that goes back.",
        "rpc-failover",
        misbehaving(FIRST, lag_blocks=20),
    ),
    _rpc(
        "rpc-primary-limiting",
        "The first RPC provider refuses everything with 429.",
        "rpc-rate-limit",
        misbehaving(FIRST, rate_limit="http"),
    ),
)
