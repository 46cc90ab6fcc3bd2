"""One vote per person whatever races, only while it is open, only of who may; and what a batch costs."""

import asyncio
from datetime import timedelta

import pytest
from tests.component.vstudio.live.world import World

from audifi.kernel.ids import new_id
from audifi.wire.live.calls import Vote
from audifi.wire.live.protocol import VOTES, Code

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_vote_counts_and_again_is_the_same_vote(live: World) -> None:
    show = await live.show()
    decision_id, fan = await show.decision(), live.someone()
    body = {"decisionId": decision_id, "choice": "b"}
    first, again = await fan.post(f"{show.path}/vote", body), await fan.post(f"{show.path}/vote", body)
    assert (first.status, first.data["duplicate"], first.data["weight"]) == (201, False, 1000)
    assert (again.status, again.data["duplicate"], again.data["voteId"]) == (200, True, first.data["voteId"])
    other = await fan.post(f"{show.path}/vote", {"decisionId": decision_id, "optionIndex": 0})
    assert (other.status, other.code) == (409, "ALREADY_VOTED")
    assert await show.counted(decision_id) == {"b": 1}
    [told] = await live.published("vote.cast", show.id)
    assert (told["userId"], told["weightMilli"], told["isChange"]) == (fan.user_id, 1000, False)


async def test_a_hundred_votes_of_one_person_at_once_are_one(live: World) -> None:
    show = await live.show()
    decision_id, fan = await show.decision(), live.someone()
    batches = [[fan.ballot(decision_id, "abc"[(number + place) % 3]) for place in range(10)] for number in range(10)]
    answers = await asyncio.gather(*(show.votes(*batch) for batch in batches))
    outcomes = [each for answer in answers for each in answer]
    assert sum((await show.counted(decision_id)).values()) == 1
    new = [each for each in outcomes if each.code is None and not each.duplicate]
    assert len(new) == 1
    assert {each.id for each in outcomes if each.duplicate} <= {new[0].id}
    assert {each.code for each in outcomes if each.code is not None} == {Code.ALREADY_VOTED}
    assert len(await live.published("vote.cast", show.id)) == 1


async def test_batches_that_name_the_same_people_in_any_order_do_not_block_each_other(live: World) -> None:
    show = await live.show()
    decision_id = await show.decision(allow_vote_change=True)
    fans = [live.someone() for _ in range(60)]
    batches = [
        [fan.ballot(decision_id, choice) for fan in (fans if number % 2 else reversed(fans))]
        for number, choice in enumerate("abcabc")
    ]
    answers = await asyncio.gather(*(show.votes(*batch) for batch in batches))
    assert all(each.code is None for answer in answers for each in answer)
    assert sum((await show.counted(decision_id)).values()) == len(fans)
    changes = await live.value("SELECT count(*) FROM vstudio.vote_changes WHERE decision_id = $1", decision_id)
    told = await live.published("vote.cast", show.id)
    assert len(told) == len(fans) + changes
    assert sum(each["isChange"] for each in told) == changes


async def test_the_last_of_a_persons_changes_counts(live: World) -> None:
    show = await live.show()
    decision_id, fan = await show.decision(allow_vote_change=True), live.someone()
    outcomes = await show.votes(*(fan.ballot(decision_id, choice) for choice in ("a", "b", "b", "c")))
    assert [each.duplicate for each in outcomes] == [False, False, True, False]
    assert await show.counted(decision_id) == {"c": 1}
    rows = await live.rows(
        "SELECT before->>'choice' AS b, after->>'choice' AS a FROM vstudio.vote_changes WHERE decision_id = $1"
        " ORDER BY position", decision_id,
    )  # fmt: skip
    assert [(row["b"], row["a"]) for row in rows] == [("a", "b"), ("b", "c")]


async def test_one_refused_vote_refuses_no_other(live: World) -> None:
    show, elsewhere = await live.show(), await live.show()
    decision_id, other_id = await show.decision(), await elsewhere.decision()
    fans = [live.someone() for _ in range(6)]
    outcomes = await show.votes(
        fans[0].ballot(decision_id, "a"),
        fans[1].ballot(decision_id, "nothing"),
        fans[2].ballot(str(new_id())),
        fans[3].ballot("no id"),
        fans[4].ballot(other_id),
        fans[5].ballot(decision_id, None, value=3.0),
    )
    assert [each.code for each in outcomes] == [None, *[Code.INVALID_MESSAGE] * 5]
    assert await show.counted(decision_id) == {"a": 1}
    assert await elsewhere.counted(other_id) == {}


async def test_no_vote_before_it_opens_after_its_time_or_once_it_is_closed(live: World) -> None:
    show, fan = await live.show(), live.someone()
    pending = await show.decision(open_=False)
    due = await show.decision(closes_at=live.clock.now() - timedelta(milliseconds=1))
    for decision_id in (pending, due):
        answer = await fan.post(f"{show.path}/vote", {"decisionId": decision_id, "choice": "a"})
        assert (answer.status, answer.code) == (409, "DECISION_CLOSED")
    await show.close(due)
    running = await show.decision(display_order=3)
    assert (await show.votes(fan.ballot(running)))[0].code is None
    await show.close(running)
    [refused] = await show.votes(live.someone().ballot(running))
    assert refused.code == Code.DECISION_CLOSED
    assert (await fan.post(f"/vstudio/sessions/{new_id()}/vote", {"decisionId": running, "choice": "a"})).status == 404


async def test_a_vote_that_races_the_close_is_in_the_tally_or_refused(live: World) -> None:
    show = await live.show()
    decision_id = await show.decision()
    fans = [live.someone() for _ in range(200)]

    batches = [fans[start : start + 5] for start in range(0, len(fans), 5)]
    first = [asyncio.create_task(show.votes(*(fan.ballot(decision_id) for fan in batch))) for batch in batches[:20]]
    closing = asyncio.create_task(show.close(decision_id))
    later = [asyncio.create_task(show.votes(*(fan.ballot(decision_id) for fan in batch))) for batch in batches[20:]]
    results = (await closing).results
    assert results is not None
    outcomes = [each for answer in await asyncio.gather(*first, *later) for each in answer]
    assert results.total_votes == sum((await show.counted(decision_id)).values())
    assert results.total_votes == len([each for each in outcomes if each.code is None])
    assert {each.code for each in outcomes} <= {None, Code.DECISION_CLOSED}


async def test_every_kind_is_voted_in_its_own_way(live: World) -> None:
    fan = live.someone()
    cases: list[tuple[str, dict[str, object], dict[str, object]]] = [
        ("BINARY", {"choice": "b"}, {"value": 1}),
        ("SLIDER", {"value": 2.5}, {"value": 2.3}),
        ("RANKING", {"ranking": ["c", "a", "b"]}, {"ranking": ["c", "c"]}),
        ("OPEN_TEXT", {"text": " louder "}, {"text": "  "}),
    ]
    for kind, good, bad in cases:
        show = await live.show()
        decision_id = await show.decision(kind)
        refused = await fan.post(f"{show.path}/vote", {"decisionId": decision_id, **bad})
        assert (refused.status, refused.code) == (400, "VALIDATION_ERROR"), kind
        counted = await fan.post(f"{show.path}/vote", {"decisionId": decision_id, **good})
        assert counted.status == 201, (kind, counted.body)
    row = await live.value("SELECT text FROM vstudio.votes WHERE text IS NOT NULL AND user_id = $1", fan.user_id)
    assert row == "louder"


async def test_only_who_holds_what_the_gate_asks_votes_and_weighs(live: World) -> None:
    show = await live.show(vote_gating='{"type": "NFT", "requirements": {"nftMinAmount": 2}}')
    decision_id = await show.decision(voting_mode="WEIGHTED")
    holder, fan = live.someone(), live.someone()
    live.neighbours.shares |= {holder.user_id: 2, fan.user_id: 1}
    outcomes = await show.votes(holder.ballot(decision_id), fan.ballot(decision_id))
    assert [(each.code, each.weight) for each in outcomes] == [(None, 3000), (Code.NOT_ELIGIBLE, None)]
    refused = await fan.post(f"{show.path}/vote", {"decisionId": decision_id, "choice": "a"})
    assert (refused.status, refused.code) == (403, "NOT_ELIGIBLE")
    assert refused.json["error"]["details"]["missingRequirements"] == ["NFT"]


async def test_a_neighbour_that_is_away_is_no_refusal_for_good_and_open_gates_ask_nobody(live: World) -> None:
    gated = await live.show(vote_gating='{"type": "SUBSCRIPTION", "requirements": {}}')
    show, fan = await live.show(), live.someone()
    gated_id, open_id = await gated.decision(), await show.decision()
    live.neighbours.plans[fan.user_id] = "PRO"
    live.neighbours.is_away = True
    try:
        [outcome] = await gated.votes(fan.ballot(gated_id))
        assert outcome.code == Code.UNAVAILABLE
        asked = len(live.neighbours.asked)
        assert (await show.votes(fan.ballot(open_id)))[0].code is None
        assert len(live.neighbours.asked) == asked
    finally:
        live.neighbours.is_away = False
    assert (await gated.votes(fan.ballot(gated_id)))[0].code is None


async def test_who_votes_too_often_over_http_is_told_to_wait(live: World) -> None:
    show, fan = await live.show(), live.someone()
    body = {"decisionId": await show.decision(), "choice": "a"}
    statuses = [(await fan.post(f"{show.path}/vote", body)).status for _ in range(VOTES[0] + 5)]
    assert statuses[: VOTES[0] - 1] == [201, *[200] * (VOTES[0] - 2)]
    assert statuses[-1] == 429


async def test_a_batch_of_a_hundred_is_one_transaction(live: World) -> None:
    show = await live.show()
    decision_id = await show.decision()
    await show.votes(live.someone().ballot(decision_id))  # what does not change is remembered
    before = await _calls(live)
    batch = [Vote(request_id="r", user_id=str(new_id()), decision_id=decision_id, choice="a") for _ in range(100)]
    outcomes = await show.votes(*batch)
    assert all(each.code is None for each in outcomes)
    assert await _calls(live) - before == 1
    too_many = await live.gateway("POST", f"{show.internal}/votes", {"votes": [{**_plain(batch[0])}] * 501})
    assert too_many.status == 400


def _plain(vote: Vote) -> dict[str, str]:
    return {"requestId": vote.request_id, "userId": vote.user_id, "decisionId": vote.decision_id, "choice": "a"}


async def _calls(live: World) -> int:
    """How many transactions of votes there were, by the rows' own transaction numbers."""
    return await live.value("SELECT count(DISTINCT xmin::text) FROM vstudio.votes")
