"""Read the pictures back: their boxes and arrows are those of the model, and docs/topology.md is fresh.

Between: pytest and topology.picture, topology.page, topology.plain.
"""

import json
import re
from pathlib import Path

import pytest

from audifi.topology.declaration import platform
from audifi.topology.model.network import LinkKind
from audifi.topology.page import COMMAND, PICTURES, page
from audifi.topology.picture import mermaid, tree
from audifi.topology.plain import plain

DOCS = Path(__file__).resolve().parents[3] / "docs" / "topology.md"
BOX = re.compile(r'^ {4}(\w+)\["(.+)"\]$', re.MULTILINE)  # postgres["postgres ×3"]
ARROW = re.compile(r"^ {2}(\w+) (?:-->|==>|-\.->)\|(\w+)\| (\w+)$", re.MULTILINE)  # edge ==>|http| api_gateway
ENVIRONMENTS = ["local", "staging", "production"]


def boxes(text: str) -> list[str]:
    return sorted(name for name, _ in BOX.findall(text))


def arrows(text: str) -> list[tuple[str, str, str]]:
    return sorted(ARROW.findall(text))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_boxes_and_arrows_are_those_of_the_model(environment: str) -> None:
    topology = platform(environment)
    text = mermaid(topology)
    assert boxes(text) == sorted(component.name.replace("-", "_") for component in topology.components)
    assert arrows(text) == sorted(
        (link.source.replace("-", "_"), link.port, link.target.replace("-", "_")) for link in topology.links
    )


def test_a_replica_count_in_the_picture_is_the_models() -> None:
    labels = dict(BOX.findall(mermaid(platform("production"))))
    assert labels["auth_service"] == "auth-service ×3"
    assert labels["payment_service"] == "payment-service ×2"
    assert labels["redis_cluster"] == "redis-cluster ×6"


def test_the_pictures_of_the_page_together_show_everything_once() -> None:
    topology = platform("production")
    shown = [arrow for _, kinds in PICTURES for arrow in arrows(mermaid(topology, kinds))]
    assert sorted(shown) == arrows(mermaid(topology))
    assert {kind for _, kinds in PICTURES for kind in kinds} == set(LinkKind)
    joined = {box for _, kinds in PICTURES for box in boxes(mermaid(topology, kinds))}
    assert joined == set(boxes(mermaid(topology)))


def test_the_page_in_docs_is_fresh() -> None:
    assert DOCS.read_text() == page(platform("production")), f"docs/topology.md is stale; run: {COMMAND}"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_tree_names_every_component_and_every_link(environment: str) -> None:
    topology = platform(environment)
    text = tree(topology)
    assert all(f"── {component.name} ×" in text for component in topology.components)
    assert text.count("─► ") == len(topology.links)


def test_the_tree_says_what_does_not_run_here_yet() -> None:
    (line,) = [line for line in tree(platform("local")).splitlines() if "── frontend" in line]
    assert "not on one machine before part G" in line
    assert "not on one machine" not in tree(platform("production"))


def test_json_keeps_everything_and_names_references() -> None:
    topology = platform("production")
    told = json.loads(json.dumps(plain(topology)))
    assert [component["name"] for component in told["components"]] == [c.name for c in topology.components]
    assert len(told["links"]) == len(topology.links)
    (auth,) = [component for component in told["components"] if component["name"] == "auth-service"]
    assert ["ENCRYPTION_KEYS", {"type": "Secret", "name": "auth-encryption-keys", "all_accepted": True}] in auth[
        "environment"
    ]


def test_what_is_not_of_the_model_is_refused() -> None:
    with pytest.raises(TypeError, match="set is not part of the model"):
        plain({"a", "b"})
