"""Render the ledger: as text, as one HTML file, with its timelines drawn."""

import re
from html.parser import HTMLParser
from typing import Any

from audifi.drills.drawing import drawing
from audifi.drills.drill import Way
from audifi.drills.ledger import Evidence, Row, Run, ledger
from audifi.drills.page import amount, as_json, page, summary
from audifi.drills.sheet import sheet
from audifi.topology.declaration import platform
from audifi.topology.model.promise import DRILL, Proof

FACTS: dict[str, Any] = {
    "commit": "0123456789ab",
    "date": "2026-11-23T16:00:00Z",
    "machine": {"cores": 2, "memory_gib": 23.5, "cpu": "<script>EPYC"},
}
US = 1_000_000
TIMELINE = {
    "injected_us": 100 * US,
    "detected_us": 101 * US,
    "failed_over_us": 102 * US,
    "healed_us": 110 * US,
    "recovered_us": 112 * US,
    "first_failure_us": 100 * US,
    "last_failure_us": 103 * US,
    "outage_s": 2.5,
}
RUNS = 5


def rows() -> tuple[Row, ...]:
    """Every promise of the design, each with as much evidence as there can be."""
    promises = platform("local").promises
    found = [
        Evidence(
            proof=promise.proof,
            file=f"results/{promise.name}.json",
            commit="0123456789ab",
            is_current=True,
            proves={promise.name: promise.budget.unit},
            runs=tuple(
                Run(way=way, measured={promise.name: promise.budget.amount}, timeline=TIMELINE)
                for way in (*[Way.FAULT] * RUNS, Way.CONTROL)
            ),
        )
        for promise in promises
        if promise.budget is not None
    ]
    return ledger(promises, found)


class Loads(HTMLParser):
    """Everything a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [tag] if tag in {"script", "link", "img", "iframe", "object"} else []
        self.found += [f"{name}={value}" for name, value in attrs if name in {"src", "href"} and value[:1] != "#"]  # type: ignore[index]


def test_the_sheet_needs_nothing_but_itself_and_is_small() -> None:
    text = sheet(rows(), FACTS)
    loads = Loads()
    loads.feed(text)
    assert loads.found == []
    assert "url(" not in text
    assert "@import" not in text
    assert len(text.encode()) < 300_000
    assert "prefers-color-scheme:dark" in text
    assert "&lt;script&gt;EPYC" in text  # what was measured is text, never markup


def test_every_promise_has_its_article_and_its_line() -> None:
    found = rows()
    html, text = sheet(found, FACTS), page(found, FACTS)
    for row in found:
        assert f'id="{row.promise.name}"' in html
        assert f"| {row.promise.name} | {row.outcome} |" in text
    assert summary(found) in text


def test_the_page_keeps_its_table_whatever_a_sentence_holds() -> None:
    text = page(rows(), FACTS)
    lines = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {12}


def test_data_says_what_the_pages_say() -> None:
    found = rows()
    data = as_json(found)
    assert sum(data["counts"].values()) == len(data["rows"]) == len(found)
    assert {row["place"] for row in data["rows"]} <= {"here", Proof.CLUSTER, Proof.PROVIDER, Proof.LATER}


def test_a_timeline_is_drawn_to_scale() -> None:
    text = drawing([TIMELINE, {**TIMELINE, "recovered_us": None, "healed_us": None}])
    assert text.count("<circle") == 4 + 2
    assert text.count('class="x"') == 2
    assert text.count("2.50 s</text>") == 2
    places = [int(number) for number in re.findall(r'cx="(\d+)"', text)]
    assert places == sorted(places[:4]) + sorted(places[4:])
    assert max(places) == 640 - 56


def test_a_run_without_a_fault_draws_nothing() -> None:
    assert drawing([{**TIMELINE, "injected_us": None}]) == ""


def test_amounts_keep_what_counts() -> None:
    assert [amount(each) for each in (0, 3.0, 0.01234, 86_400, 4.567)] == ["0", "3", "0.0123", "86400", "4.57"]


def test_a_drill_is_linked_to_its_drawing() -> None:
    drilled = [row for row in rows() if row.promise.proof.startswith(DRILL)]
    text = sheet(rows(), FACTS)
    for row in drilled:
        assert f'href="#{row.promise.proof.replace(" ", "-")}"' in text
