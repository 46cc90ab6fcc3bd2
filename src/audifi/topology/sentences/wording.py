"""Write a promise in one line: what all promises of a kind share.

Between: the other files of this folder. Units: each budget names its own.
Invariant: DECLARED names the test that compares the promise's number with the declaration; it proves what is
declared, and the agreement tests prove that what runs and what is rendered is what is declared.
Errors: none.
"""

from typing import Final

from audifi.topology.model.promise import UNPROVEN, Budget, Comparison, Promise, PromiseKind

DECLARED: Final = "tests/unit/topology/test_promises.py"
LOSSES: Final = "tests/system/test_losses.py"  # kills and freezes processes of the running platform, at the client

PROVIDERS: Final = "tests/component/chain/test_reading_through_providers.py"  # breaks the first RPC provider under load
OUTBOUND: Final = "tests/system/test_outbound.py"  # pins, and gateways that lie


def count(name: str, sentence: str, component: str, amount: float, unit: str, *, source: str) -> Promise:
    """Exactly so many of something, as declared."""
    return Promise(
        name=name,
        sentence=sentence,
        kind=PromiseKind.COUNT,
        component=component,
        budget=Budget(comparison=Comparison.EQUAL, amount=amount, unit=unit),
        proof=DECLARED,
        source=source,
    )


def configured(
    name: str, sentence: str, component: str, *, source: str, amount: float = 1, unit: str = "so"
) -> Promise:
    """Set as the sentence says: 1 when it is so; or a setting's own number."""
    return Promise(
        name=name,
        sentence=sentence,
        kind=PromiseKind.CONFIGURATION,
        component=component,
        budget=Budget(comparison=Comparison.EQUAL, amount=amount, unit=unit),
        proof=DECLARED,
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
    proof: str = UNPROVEN,
) -> Promise:
    """Something that must happen when it matters; counted in what goes wrong."""
    return Promise(
        name=name,
        sentence=sentence,
        kind=PromiseKind.BEHAVIOUR,
        component=component,
        budget=Budget(comparison=Comparison.AT_MOST, amount=amount, unit=unit),
        proof=proof,
        fault=fault,
        source=source,
    )


def recovers(
    name: str, sentence: str, component: str, within_s: float, *, fault: str, source: str, proof: str = UNPROVEN
) -> Promise:
    """Back within so many seconds, at the client."""
    return Promise(
        name=name,
        sentence=sentence,
        kind=PromiseKind.RECOVERY_TIME,
        component=component,
        budget=Budget(comparison=Comparison.AT_MOST, amount=within_s, unit="s"),
        proof=proof,
        fault=fault,
        source=source,
    )


def loses(name: str, sentence: str, component: str, amount: float, unit: str, *, fault: str, source: str) -> Promise:
    """At most so much is lost."""
    return Promise(
        name=name,
        sentence=sentence,
        kind=PromiseKind.RECOVERY_POINT,
        component=component,
        budget=Budget(comparison=Comparison.AT_MOST, amount=amount, unit=unit),
        proof=UNPROVEN,
        fault=fault,
        source=source,
    )


def kept(name: str, sentence: str, component: str, days: float, *, source: str) -> Promise:
    """Kept so long."""
    return Promise(
        name=name,
        sentence=sentence,
        kind=PromiseKind.RETENTION,
        component=component,
        budget=Budget(comparison=Comparison.AT_LEAST, amount=days, unit="days"),
        proof=DECLARED,
        source=source,
    )
