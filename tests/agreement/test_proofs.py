"""Hold promises and their proofs together: none without the other, in either direction.

Between: topology.promises, drills.catalogue and drills.probes.
Invariant: a promise says which drill or probe proves it, and that one says so too.
"""

from audifi.drills import catalogue, probes
from audifi.topology.declaration import platform
from audifi.topology.model.promise import DRILL, Proof

PROMISES = {promise.name: promise for promise in platform("local").promises}
DRILLS = catalogue.drills()
PROBES = {probe.name for declared in probes.areas().values() for probe in declared}


def test_every_promise_of_a_probe_has_one_and_every_probe_its_promise() -> None:
    assert {name for name, promise in PROMISES.items() if promise.proof == Proof.PROBE} == PROBES


def test_every_drill_that_a_promise_names_proves_it() -> None:
    named = {
        name: promise.proof.removeprefix(DRILL) for name, promise in PROMISES.items() if promise.proof.startswith(DRILL)
    }
    missing = {name: drill for name, drill in named.items() if drill not in DRILLS or name not in DRILLS[drill].proves}
    assert not missing, "there is no such drill, or it measures something else"


def test_every_drill_proves_promises_that_can_be_proven_here() -> None:
    strangers = {
        drill.name: name
        for drill in DRILLS.values()
        for name in drill.proves
        if name not in PROMISES or not PROMISES[name].proof.startswith((DRILL, Proof.PROBE))
    }
    assert not strangers, "a drill measures what nobody promised, or its promise says that nothing here shows it"
    assert all(drill.proves for drill in DRILLS.values())


def test_what_nothing_here_shows_says_what_will() -> None:
    silent = [name for name, promise in PROMISES.items() if promise.proof in set(Proof) - {Proof.PROBE}]
    assert not [name for name in silent if not PROMISES[name].awaits and PROMISES[name].proof != Proof.DECLARATION]
