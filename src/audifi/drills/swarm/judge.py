"""Judge a history: did everybody see the same, in order, once, and does every acknowledged vote count once?

Between: play, cli.swarm and tests (have a History); pure.
Shape: one function per sentence, each returns what contradicts it in words; `verdict` asks them all.
Invariant: nothing is forgiven but what the protocol allows: a state may be skipped, an event may not. A viewer that
came back goes on after the seq it asked for, or after the seq of a snapshot.
Errors: none; a fault is a line of text.
Source: wire/live/protocol.py "Order"; issue 5 "judged afterwards".
"""

from collections import Counter, defaultdict
from collections.abc import Iterator

from audifi.drills.swarm.facts import TALLY, Fact
from audifi.drills.swarm.history import Cast, Counted, History

SHOWN_MAX = 20  # faults of one kind that are told; the number of all is told too


def verdict(history: History) -> dict[str, list[str]]:
    """What contradicts each sentence; empty lists when everything is as it should be."""
    return {
        "every viewer saw something": list(idle(history)),
        "events in order, none twice, none missing": list(disordered(history)),
        "states only newer": list(aged(history)),
        "every viewer ended at the same newest state": list(diverged(history)),
        "every acknowledged vote counts once": list(miscounted(history)),
    }


def idle(history: History) -> Iterator[str]:
    """Name viewers that never got anything."""
    for viewer in history.judged():
        if not any(said.kind in {"event", "state", "snapshot"} for _, said in history.seen(viewer)):
            yield f"viewer {viewer} saw nothing"


def disordered(history: History) -> Iterator[str]:
    """Name events that came too late, too early or twice."""
    for viewer in history.judged():
        seq = -1  # the newest this viewer has; -1 before its first snapshot
        for at_us, said in history.seen(viewer):
            match said.kind:
                case "snapshot":
                    if said.seq < seq:
                        yield f"viewer {viewer} at {at_us}: a snapshot of {said.seq} after event {seq}"
                    seq = max(seq, said.seq)
                case "event":
                    if seq >= 0 and said.seq != seq + 1:
                        yield f"viewer {viewer} at {at_us}: event {said.seq} {_relation(said.seq, seq)} {seq}"
                    seq = max(seq, said.seq)
                case _:
                    continue


def _relation(found: int, newest: int) -> str:
    if found == newest:
        return "came again after"
    return "came late, after" if found < newest else f"came with {found - newest - 1} missing, after"


def aged(history: History) -> Iterator[str]:
    """Name tallies that were older than one the same connection had brought."""
    for viewer in history.judged():
        newest: dict[str, int] = {}
        for at_us, said in history.seen(viewer):
            if said.kind == "opened":
                newest.clear()
            if said.kind != "state" or not said.key.startswith(TALLY):
                continue
            if said.version < newest.get(said.key, -1):
                yield f"viewer {viewer} at {at_us}: {said.key} went back from {newest[said.key]} to {said.version}"
            newest[said.key] = said.version


def diverged(history: History) -> Iterator[str]:
    """Name viewers whose newest event or tallies are not everybody's."""
    ends = {viewer: _end(history, viewer) for viewer in history.judged()}
    seq = max((end[0] for end in ends.values()), default=-1)
    newest: dict[str, int] = {}
    for _, tallies in ends.values():
        for key, version in tallies.items():
            newest[key] = max(version, newest.get(key, -1))
    for viewer, (found, tallies) in ends.items():
        if found != seq:
            yield f"viewer {viewer} ended at event {found}, others at {seq}"
        for key, version in newest.items():
            if tallies.get(key, -1) != version:
                yield f"viewer {viewer} ended at {key} {tallies.get(key, -1)}, others at {version}"


def _end(history: History, viewer: int) -> tuple[int, dict[str, int]]:
    seq, tallies = -1, dict[str, int]()
    for _, said in history.seen(viewer):
        if said.kind in {"event", "snapshot"}:
            seq = max(seq, said.seq)
        if said.kind == "state" and said.key.startswith(TALLY):
            tallies[said.key] = max(said.version, tallies.get(said.key, -1))
    return seq, tallies


def miscounted(history: History) -> Iterator[str]:
    """Name differences between what voters were told and what was counted.

    A vote that was never answered may count or not; one that was answered counts, once, unless its voter changed it.
    """
    votes: defaultdict[str, list[Cast]] = defaultdict(list)
    for vote in history.votes:
        if vote.refused is None:
            votes[vote.decision_id].append(vote)
    for counted in history.counted:
        cast = votes.pop(counted.decision_id, [])
        yield from _of_totals(counted, cast)
        yield from _of_versions(history, counted.decision_id, cast)
    for decision, cast in votes.items():
        yield f"decision {decision}: {len(cast)} votes, and nobody said what was counted"


def _of_totals(counted: Counted, cast: list[Cast]) -> Iterator[str]:
    """Compare option by option; who still waits for an answer may have the vote before it or the new one."""
    sure: Counter[str] = Counter()
    either: Counter[str] = Counter()
    answered: dict[str, Cast] = {}
    newest: dict[str, Cast] = {}
    for vote in sorted(cast, key=lambda each: each.sent_us):
        newest[vote.user_id] = vote
        if vote.acked_us is not None:
            answered[vote.user_id] = vote
    for user, vote in newest.items():
        if vote.acked_us is not None:
            sure[vote.choice] += 1
        else:
            either.update({vote.choice, answered[user].choice} if user in answered else {vote.choice})
    for option in sorted({*sure, *either, *counted.results}):
        found = counted.results.get(option, 0)
        if not sure[option] <= found <= sure[option] + either[option]:
            yield f"option {option} counts {found} votes, {sure[option]} were acknowledged, {either[option]} are open"
    if not len(answered) <= counted.total_votes <= len(newest):
        yield f"{counted.total_votes} people count as voters; {len(answered)} were told so, {len(newest)} tried"


def _of_versions(history: History, decision: str, cast: list[Cast]) -> Iterator[str]:
    """A tally's version is how many votes and changes it holds: none may be lost in between, or counted twice."""
    versions = [said.version for facts in history.batches for said in facts if _is_tally_of(said, decision)]
    if not cast or not versions:
        return
    acked = sum(vote.acked_us is not None for vote in cast)
    if not acked <= max(versions) <= len(cast):
        yield f"the newest tally holds {max(versions)} votes and changes, {acked} of {len(cast)} were acknowledged"


def _is_tally_of(said: Fact, decision: str) -> bool:
    return said.kind == "state" and said.key == f"{TALLY}:{decision}"
