"""The reviewer's page is current, mentions every rule, and its evidence exists."""

import re
from pathlib import Path

import pytest

from audifi.targets.kubernetes import checklist, lint

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_is_current(page: str) -> None:
    committed = (ROOT / "docs/production-checklist.md").read_text(encoding="utf-8")
    assert committed == page, f"write it again: {checklist.COMMAND}"


def test_every_rule_belongs_to_an_item() -> None:
    assert {name for item in checklist.ITEMS for name in item.rules} == {rule.name for rule in lint.RULES}


@pytest.mark.parametrize("item", checklist.ITEMS, ids=lambda item: item.text[:40])
def test_every_item_has_evidence_that_exists(item: checklist.Item) -> None:
    assert item.rules or item.tests
    for test in item.tests:
        path, _, name = test.partition("::")
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), test
