"""Fill a V Studio session with viewers, let people vote, break something, and judge what everybody saw.

Between: a person, CI (the exit code, --json) and drills.swarm.
Shape: one line a second while it runs; then the verdict, sentence by sentence, and the figures. With --json one object
a line and the result last.
Invariant: viewers are guests and voters are people who signed up; everything comes through the public addresses.
Errors: a run that does not come to its end says where and why: exit 1.
Exit: 0 everybody saw the same, and every vote counts · 1 they did not, or a step failed · 2 wrong use, or nothing runs
Example: ./audifi swarm --viewers 1000 --fault kill-pod
"""

import asyncio
import sys
from pathlib import Path
from typing import Any, Final

from audifi.cli import telling
from audifi.cli.options import DEFAULT, InstanceOption, JsonOption, running
from audifi.drills import evidence
from audifi.drills.journey.narration import JourneyFailed, Narrator
from audifi.drills.swarm import history as histories
from audifi.drills.swarm.delays import Percentiles
from audifi.drills.swarm.faults import Fault
from audifi.drills.swarm.outcome import Outcome
from audifi.drills.swarm.play import Wanted, swarmed
from audifi.local.errors import LocalError
from audifi.local.room import raise_file_limit
from audifi.wire.live.protocol import VIEWERS_MAX

UNITS: Final = {
    "seen": "ms from sending a vote to a viewer who has the tally with it",
    "spread": "ms from publishing a tally to a viewer who has it",
    "others_*": "the same for viewers whose connection the fault did not cut",
    "back_s": "s until 99 % of those who lost their connection were back",
    "peak_per_s": "connects in the busiest second",
}
FAULTS_SHOWN_MAX: Final = 5  # of each sentence


def swarm(
    *,
    viewers: int = 200,
    rate: float = 3.0,
    seconds: float = 20.0,
    session: str | None = None,
    stalled: float = 0.0,
    direct: bool = False,
    fault: Fault | None = None,
    history: Path | None = None,
    record: bool = False,
    json_: JsonOption = False,
    instance: InstanceOption = DEFAULT,
) -> int:
    """Fill a V Studio session with viewers, and judge what they saw.

    Parameters
    ----------
    viewers
        How many watch.
    rate
        Votes a second, of all voters together; above 4 they wait for the tick that gathers them.
    seconds
        For how long there are votes.
    session
        A session with an open decision; without it one is made, and ended afterwards.
    stalled
        How many percent of the viewers read nothing once they are there.
    direct
        Connect to the gateway's pods, past the edge.
    fault
        Break this while they vote.
    history
        Write what everybody saw to this file.
    record
        Keep the result below results/drills.
    json_
        Print one JSON object a line, the result last.
    instance
        Directory of the running platform.
    """
    found, _ = running(instance)
    if not 1 <= viewers <= VIEWERS_MAX or rate <= 0 or seconds <= 0 or not 0 <= stalled < 100:
        raise LocalError(f"1 to {VIEWERS_MAX} viewers, a rate and seconds above 0, stalled from 0 to below 100")
    raise_file_limit()
    wanted = Wanted(
        viewers=viewers,
        votes_per_s=rate,
        seconds=seconds,
        session_id=session,
        stalled_percent=stalled,
        is_direct=direct,
        fault=fault,
    )
    try:
        outcome, seen = asyncio.run(swarmed(found, wanted, Narrator(telling.as_json if json_ else _as_text)))
    except JourneyFailed as failure:
        telling.failed("swarm", failure, is_json=json_)
        return 1
    if history is not None:
        histories.write(seen, history)
    if record:
        _record(outcome, wanted)
    _ended(outcome, as_json=json_)
    return 0 if outcome.is_right else 1


def _record(outcome: Outcome, wanted: Wanted) -> None:
    asked = {"votes_per_s": wanted.votes_per_s, "seconds": wanted.seconds, "is_direct": wanted.is_direct}
    path = evidence.RESULTS / "drills" / f"swarm-{wanted.viewers}-{wanted.fault or 'calm'}.json"
    evidence.write(path, {"asked": asked, "seed": None, "units": UNITS, "figures": outcome.as_json()})


def _as_text(event: dict[str, Any]) -> None:
    if event["event"] != "second":
        telling.as_text(event)
        return
    delays = "" if event["p50_ms"] is None else f", seen {event['p50_ms']:.0f}/{event['p99_ms']:.0f} ms"
    telling.line(
        f"{event['at_s']:7.1f} s    {event['live']} live, {event['connects_per_s']} connects/s, "
        f"{event['delivered_per_s']} delivered/s, {event['votes']} votes{delays}"
    )


def _ended(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        telling.as_json({"event": "result", **outcome.as_json()})
        return
    lines = ["", f"{outcome.viewers} viewers, {outcome.votes} votes, {outcome.connects_per_s:g} connects/s:"]
    for sentence, faults in outcome.verdict.items():
        lines.append(f"  {'no' if faults else 'yes'}: {sentence}")
        lines += [f"    {fault}" for fault in faults[:FAULTS_SHOWN_MAX]]
        lines += [f"    … {len(faults)} in all"] if len(faults) > FAULTS_SHOWN_MAX else []
    lines.append(f"  from a vote to a viewer: {_shown(outcome.seen)}")
    lines.append(f"  from a tally to a viewer: {_shown(outcome.spread)}")
    for loss in outcome.losses:
        curve = loss.recovery
        back = "never 99 % back" if curve.back_s is None else f"99 % back after {curve.back_s:.1f} s"
        lines.append(f"  {loss.fault}: {curve.lost} lost, at most {curve.peak_per_s} connects/s, {back}")
        lines.append(f"    from a vote to the others: {_shown(loss.others_seen)}")
        lines.append(f"    from a tally to the others: {_shown(loss.others_spread)}")
    if outcome.trouble:
        lines.append(f"  on the way: {', '.join(f'{count} × {what}' for what, count in outcome.trouble.items())}")
    sys.stdout.write("\n".join(lines) + "\n")


def _shown(found: Percentiles) -> str:
    return f"p50 {found.p50_ms:.0f} ms, p99 {found.p99_ms:.0f} ms, at most {found.max_ms:.0f} ms ({found.count})"
