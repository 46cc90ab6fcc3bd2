"""Operations admit whom domain.md says: its table (access.toml) and the services have the same rows and guards.

What an operation checks itself is compared here; what its handler checks (ownership) tests/system/test_authorisation.py
tries.
"""

import tomllib
from pathlib import Path
from typing import Final

import pytest
from tests.agreement.test_documents import SERVICES, operations

from audifi.kernel.http import Access, Operation, StepUp

TABLE: Final[dict[str, dict[str, str]]] = tomllib.loads(Path(__file__).with_name("access.toml").read_text())
# Which guards an operation may have for each word of the table: ownership is looked at behind USER or ARTIST.
GUARDS: Final = {
    "G": {Access.GUEST, Access.OPTIONAL},
    "COOKIE": {Access.GUEST, Access.OPTIONAL},
    "U": {Access.USER},
    "O": {Access.USER},
    "ARTIST": {Access.ARTIST},
    "A": {Access.ARTIST},
    "ARTIST|M": {Access.USER},
    "A|M": {Access.USER},
    "A|P": {Access.USER},
    "P": {Access.PRODUCER},
    "O|M": {Access.USER},
    "M": {Access.ADMIN},
}
FACTOR: Final = {"+2FA": StepUp.ALWAYS, "+2fa": StepUp.IF_ENROLLED}


def public(service: str) -> dict[str, Operation]:
    return {each.name: each for each in operations(service) if each.access is not Access.SERVICE}


@pytest.mark.parametrize("service", SERVICES)
def test_table_and_service_have_the_same_operations(service: str) -> None:
    assert set(public(service)) == set(TABLE[f"{service}-service"])


@pytest.mark.parametrize("service", SERVICES)
def test_operations_have_the_guards_of_the_table(service: str) -> None:
    wrong: list[str] = []
    for name, operation in public(service).items():
        row = TABLE[f"{service}-service"].get(name, "G")
        word, factor = (row[:-4], row[-4:]) if row[-4:] in FACTOR else (row, "")
        if operation.access not in GUARDS[word] or operation.step_up is not FACTOR.get(factor, StepUp.NO):
            wrong.append(f"{name}: {operation.access.value}, {operation.step_up.value}; the table says {row}")
    assert wrong == []
