"""Mirrors: the tables a mirroring service has are those that clients.chain.mirroring writes."""

import re
from pathlib import Path

import pytest

from audifi.clients.chain import mirroring
from audifi.services.worker.indexer import SUBSCRIBERS

SERVICES = Path(__file__).resolve().parents[2] / "src/audifi/services"
TABLES = Path(mirroring.__file__).with_name("tables.sql").read_text(encoding="utf-8")


def statements(sql: str) -> set[str]:
    """The statements without comments and layout."""
    plain = re.sub(r"\s+", " ", re.sub(r"--[^\n]*", "", sql))
    return {each.strip() for each in plain.split(";") if each.strip()}


@pytest.mark.parametrize("service", [name.removesuffix("-service") for name in SUBSCRIBERS])
def test_a_subscriber_has_the_tables_of_a_mirror(service: str) -> None:
    schema = (SERVICES / service / "sql/schema.sql").read_text(encoding="utf-8")
    assert statements(TABLES.replace("SCHEMA.", f"{service}.")) <= statements(schema)
