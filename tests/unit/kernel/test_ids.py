"""Identifiers: ordered, unique, of the form others expect."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from audifi.kernel.ids import new_id, request_id
from audifi.wire import headers


def test_ids_are_version_7_and_in_order() -> None:
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all(each.version == 7 for each in made[:100])
    assert abs((made[-1].int >> 80) - time.time() * 1000) < 5_000


def many(_: int) -> list[UUID]:
    return [new_id() for _ in range(2000)]


def test_threads_never_make_the_same_id() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = [identity for part in pool.map(many, range(8)) for identity in part]
    assert len(set(made)) == len(made)


def test_a_request_id_of_ours_would_be_accepted_by_us() -> None:
    assert re.fullmatch(headers.REQUEST_ID_PATTERN, request_id())
