"""Each of a batch is told in the socket's codes what became of it."""

from audifi.services.vstudio.errors import AlreadyVoted, Forbidden, Invalid, NotEligible, Problem, Unavailable
from audifi.services.vstudio.rules.outcomes import refused
from audifi.wire.live.protocol import Code


def test_refusals_have_their_codes_and_outages_say_when() -> None:
    cases: list[tuple[Problem, Code]] = [
        (AlreadyVoted(), Code.ALREADY_VOTED),
        (NotEligible(), Code.NOT_ELIGIBLE),
        (Forbidden(), Code.NOT_ALLOWED),
        (Invalid(), Code.INVALID_MESSAGE),
        (Unavailable("the database does not answer", retry_after_s=2), Code.UNAVAILABLE),
    ]
    for problem, code in cases:
        outcome = refused("r", problem)
        assert (outcome.request_id, outcome.code, outcome.id) == ("r", code, None)
        assert outcome.message
    assert refused("r", cases[-1][0]).retry_after_s == 2


def test_a_message_says_which_field() -> None:
    assert (
        "choice: is none of the options" in refused("r", Invalid(details={"choice": "is none of the options"})).message
    )
