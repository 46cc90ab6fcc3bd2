"""docs/openapi/auth.json is what auth-service serves, and every public operation has a way through the gateway."""

from pathlib import Path

import msgspec
import pytest

from audifi.kernel.http import Access, Operation, openapi
from audifi.services.auth.routes import OPERATIONS, limits
from audifi.wire import routes

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/openapi/auth.json"


def written() -> str:
    """Return the document as it is committed; the version is that of the deployment, not of the text."""
    document = openapi(OPERATIONS, title="auth-service", version="1", limits=limits.EVERYWHERE)
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def test_the_committed_document_is_fresh() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == written(), (
        "stale: run `.audifi/venv/bin/python -m tests.agreement.test_auth_document` and commit the result"
    )


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.access is not Access.SERVICE], ids=str)
def test_every_public_operation_has_a_route(operation: Operation) -> None:
    method, path = str(operation.method), str(operation.path)
    concrete = path.replace("{sid}", "x").replace("{id}", "x").replace("{slug}", "x").replace("{address}", "x")
    if path == "/health/platform":
        concrete = "/health"
    row = routes.match(method, concrete)
    assert row is not None, f"wire/routes.py has no row for {method} {path}"
    assert row.service == "auth-service"
    if operation.access is Access.GUEST:
        assert row.access is not routes.Access.TOKEN, f"the gateway would refuse guests: {method} {path}"


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.access is Access.SERVICE])
def test_no_internal_operation_has_a_route(operation: Operation) -> None:
    assert routes.match(str(operation.method), str(operation.path)) is None


if __name__ == "__main__":
    DOCUMENT.parent.mkdir(parents=True, exist_ok=True)
    DOCUMENT.write_text(written(), encoding="utf-8")
