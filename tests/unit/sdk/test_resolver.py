"""Names below .localhost never leave the machine.

Between: sdk.resolver and sdk.client (pure parts).
"""

import pytest

from audifi.sdk.client import application_origin
from audifi.sdk.resolver import LOOPBACK, is_localhost, loopback


@pytest.mark.parametrize("name", ["localhost", "api.audifi.localhost", "API.Audifi.LOCALHOST."])
def test_names_below_localhost_are_ours(name: str) -> None:
    assert is_localhost(name)


@pytest.mark.parametrize("name", ["audifi.io", "notlocalhost", "localhost.audifi.io"])
def test_other_names_are_not(name: str) -> None:
    assert not is_localhost(name)


def test_they_resolve_to_loopback() -> None:
    found = loopback("api.audifi.localhost", 443)
    assert (found["host"], found["port"]) == (LOOPBACK, 443)


@pytest.mark.parametrize(
    ("api", "app"),
    [
        ("https://api.audifi.io", "https://app.audifi.io"),
        ("https://api.audifi.localhost:20443", "https://app.audifi.localhost:20443"),
        ("http://127.0.0.1:3001", "http://127.0.0.1:3001"),
    ],
)
def test_the_application_of_an_api_is_its_sibling(api: str, app: str) -> None:
    assert application_origin(api) == app
