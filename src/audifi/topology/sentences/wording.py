"""Write a promise in one line: what all promises of a kind share.

Between: the other files of this folder. Units: each budget names its own.
Invariant: tests/unit/topology/test_promises.py compares what is declared with the promise, which proves nothing of what
runs: the proof is a probe, a drill, or what has to come before anybody can know.
Errors: none.
"""

from typing import Final

from audifi.topology.model.promise import DRILL, Budget, Comparison, Promise, PromiseKind, Proof

KUBERNETES: Final = "rendered for Kubernetes (docs/production-checklist.md), whose scheduler and kubelet do the rest"
CLOUDFLARE: Final = "rendered/production/cloudflare, judged by the API's own types; Cloudflare decides"
ZONE: Final = "rendered/production/dns, answered by a real name server in tests/agreement; who serves the zone decides"
ON_VERCEL: Final = "rendered/production/vercel, checked by Vercel's types; Vercel decides"
ON_FLY: Final = "rendered/production/fly, checked by its schema; Fly.io decides"
TWO_REGIONS: Final = "two regions arrive later: there is one network here"


def drilled(name: str) -> str:
    """The proof by a drill of this name."""
    return f"{DRILL}{name}"


def count(
    name: str,
    sentence: str,
    component: str,
    amount: float,
    unit: str,
    *,
    source: str,
    proof: str = Proof.PROBE,
    awaits: str = "",
) -> Promise:
    """Exactly so many of something, as declared."""
    return Promise(
        name=name,
        sentence=sentence,
        kind=PromiseKind.COUNT,
        component=component,
        budget=Budget(comparison=Comparison.EQUAL, amount=amount, unit=unit),
        proof=proof,
        awaits=awaits,
        source=source,
    )


def configured(
    name: str,
    sentence: str,
    component: str,
    *,
    source: str,
    amount: float = 1,
    unit: str = "so",
    proof: str = Proof.PROBE,
    awaits: str = "",
) -> Promise:
    """Set as the sentence says: 1 when it is so; or a setting's own number."""
    return Promise(
        name=name,
        sentence=sentence,
        kind=PromiseKind.CONFIGURATION,
        component=component,
        budget=Budget(comparison=Comparison.EQUAL, amount=amount, unit=unit),
        proof=proof,
        awaits=awaits,
        source=source,
    )


def behaves(
    name: str,
    sentence: str,
    component: str,
    *,
    source: str,
    unit: str = "requests failed",
    amount: float = 0,
    fault: str = "",
    proof: str = Proof.PROBE,
    awaits: str = "",
) -> Promise:
    """Something that must happen when it matters; counted in what goes wrong."""
    return Promise(
        name=name,
        sentence=sentence,
        kind=PromiseKind.BEHAVIOUR,
        component=component,
        budget=Budget(comparison=Comparison.AT_MOST, amount=amount, unit=unit),
        proof=proof,
        awaits=awaits,
        fault=fault,
        source=source,
    )


def recovers(
    name: str,
    sentence: str,
    component: str,
    within_s: float,
    *,
    fault: str,
    source: str,
    proof: str,
    awaits: str = "",
) -> Promise:
    """Back within so many seconds, at the client."""
    return Promise(
        name=name,
        sentence=sentence,
        kind=PromiseKind.RECOVERY_TIME,
        component=component,
        budget=Budget(comparison=Comparison.AT_MOST, amount=within_s, unit="s"),
        proof=proof,
        awaits=awaits,
        fault=fault,
        source=source,
    )


def loses(
    name: str,
    sentence: str,
    component: str,
    amount: float,
    unit: str,
    *,
    fault: str,
    source: str,
    proof: str,
    awaits: str = "",
) -> Promise:
    """At most so much is lost."""
    return Promise(
        name=name,
        sentence=sentence,
        kind=PromiseKind.RECOVERY_POINT,
        component=component,
        budget=Budget(comparison=Comparison.AT_MOST, amount=amount, unit=unit),
        proof=proof,
        awaits=awaits,
        fault=fault,
        source=source,
    )


def kept(
    name: str, sentence: str, component: str, days: float, *, source: str, proof: str, awaits: str = ""
) -> Promise:
    """Kept so long."""
    return Promise(
        name=name,
        sentence=sentence,
        kind=PromiseKind.RETENTION,
        component=component,
        budget=Budget(comparison=Comparison.AT_LEAST, amount=days, unit="days"),
        proof=proof,
        awaits=awaits,
        source=source,
    )
