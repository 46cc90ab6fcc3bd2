"""Events in any order, twice or never come out once each and in order; the ring replays what it holds."""

from hypothesis import given
from hypothesis import strategies as st

from audifi.clients.live.ordering import EARLY_MAX, Order
from audifi.clients.live.ring import Event, Ring
from audifi.wire.live import protocol


def event(seq: int) -> Event:
    return Event(seq, b"{}")


def seqs(events: list[Event]) -> list[int]:
    return [each.seq for each in events]


@given(st.data(), st.integers(1, 40), st.integers(0, 1_000_000))
def test_any_order_and_any_duplicates_come_out_once_in_order(data: st.DataObject, count: int, start: int) -> None:
    numbers = list(range(start + 1, start + count + 1))
    arriving = data.draw(st.permutations(numbers + data.draw(st.lists(st.sampled_from(numbers)))))
    order, out = Order(), list[int]()
    begins = data.draw(st.integers(0, len(arriving)))
    for position, number in enumerate(arriving):
        if position == begins:
            out += seqs(order.jump(start))
        out += seqs(order.offer([event(number)]))
    out += seqs(order.jump(start))
    assert out == numbers
    assert not order.is_behind


@given(st.sets(st.integers(1, 30), min_size=1), st.integers(0, 40))
def test_a_hole_is_known_until_it_is_filled_or_given_up(arrived: set[int], expected: int) -> None:
    order = Order()
    order.jump(0)
    out = seqs(order.offer([event(number) for number in sorted(arrived)]))
    order.expect(expected)
    newest = max(*arrived, expected)
    assert order.is_behind == (out != list(range(1, newest + 1)))
    out += seqs(order.offer([event(number) for number in range(1, newest + 1)]))
    assert out == list(range(1, newest + 1))
    assert not order.is_behind


def test_what_is_too_early_to_be_kept_is_still_expected() -> None:
    order = Order()
    order.jump(0)
    last = EARLY_MAX * 2 + 5
    for number in range(2, last + 1):
        assert not order.offer([event(number)])
    out = seqs(order.offer([event(1)]))
    while order.is_behind:
        out += seqs(order.offer([event(number) for number in range(out[-1] + 1, last + 1)]))
    assert out == list(range(1, last + 1))


def test_giving_up_goes_on_with_what_is_there() -> None:
    order = Order()
    order.jump(3)
    order.offer([event(7), event(8), event(5)])
    assert seqs(order.jump(6)) == [7, 8]
    order.expect(12)
    order.settle(8)
    assert not order.is_behind


@given(st.integers(0, 50), st.integers(0, 50), st.integers(-5, 60))
def test_the_ring_replays_all_that_followed_or_says_that_it_cannot(start: int, count: int, after: int) -> None:
    ring = Ring()
    ring.begin(start)
    for number in range(start + 1, start + count + 1):
        ring.append(event(number), 0.0)
    found = ring.after(after)
    if start <= after <= start + count:
        assert found is not None
        assert seqs(found) == list(range(after + 1, start + count + 1))
    else:
        assert found is None


def test_the_ring_forgets_by_count_by_time_and_by_a_jump() -> None:
    ring = Ring()
    for number in range(1, protocol.LOG_EVENTS_MAX + 3):
        ring.append(event(number), 0.0)
    assert ring.after(1) is None
    assert len(ring.after(2) or ()) == protocol.LOG_EVENTS_MAX
    ring.append(event(ring.seq + 1), protocol.LOG_S + 1.0)
    assert seqs(ring.after(ring.seq - 1) or []) == [ring.seq]
    assert ring.after(ring.seq - 2) is None
    ring.append(event(5000), protocol.LOG_S + 1.0)
    assert ring.after(4998) is None
