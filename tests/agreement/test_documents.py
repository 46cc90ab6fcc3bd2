"""docs/openapi/<service>.json is what the service serves, and every public operation has a way through the gateway."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from audifi.kernel.http import Access, Operation, openapi
from audifi.targets.reference.merged import Document, merged, public, text
from audifi.targets.reference.pages import page
from audifi.wire import routes

ROOT = Path(__file__).resolve().parents[2]
SERVICES = sorted(path.parent.parent.name for path in (ROOT / "src/audifi/services").glob("*/routes/__init__.py"))
REGENERATE = "PYTHONPATH=. .audifi/venv/bin/python -m tests.agreement.test_documents"


def operations(service: str) -> tuple[Operation, ...]:
    return importlib.import_module(f"audifi.services.{service}.routes").OPERATIONS


def document(service: str) -> Path:
    return ROOT / f"docs/openapi/{service}.json"


def written(service: str) -> str:
    """Return the document as it is committed; the version is that of the deployment, not of the text."""
    limits = importlib.import_module(f"audifi.services.{service}.routes.limits").EVERYWHERE
    made = openapi(operations(service), title=f"{service}-service", version="1", limits=limits)
    return text(made)


def generated() -> dict[Path, str]:
    """Return the one document of all services, and a page for each."""
    documents: dict[str, Document] = {name: msgspec.json.decode(written(name)) for name in SERVICES}
    whole = merged(documents, version="1")
    pages = {ROOT / f"docs/reference/{name}.md": page(name, whole, public(documents[name])) for name in SERVICES}
    return {document("audifi"): text(whole), **pages}


def every(*, internal: bool) -> Iterator[tuple[str, Operation]]:
    for service in SERVICES:
        for operation in operations(service):
            if (operation.access is Access.SERVICE) is internal:
                yield service, operation


@pytest.mark.parametrize("service", SERVICES)
def test_the_committed_document_is_fresh(service: str) -> None:
    assert document(service).exists(), f"not written yet: {REGENERATE}"
    assert document(service).read_text(encoding="utf-8") == written(service), f"stale: run `{REGENERATE}`"


def _name(value: object) -> str:
    return value.name if isinstance(value, Operation) else str(value)


def test_the_merged_document_and_the_reference_are_fresh() -> None:
    stale = [path.name for path, made in generated().items() if not path.exists() or path.read_text() != made]
    assert stale == [], f"stale: run `{REGENERATE}`"


def test_every_body_has_an_example() -> None:
    lacking = [
        f"{service}: {each.name}" for service, each in every(internal=False) if each.body and each.example is None
    ]
    assert lacking == []


@pytest.mark.parametrize(("service", "operation"), list(every(internal=False)), ids=_name)
def test_every_public_operation_has_a_route(service: str, operation: Operation) -> None:
    path = "/health" if operation.path == "/health/platform" else _concrete(operation.path)
    row = routes.match(operation.method, path)
    assert row is not None, f"wire/routes.py has no row for {operation.name}"
    assert row.service == f"{service}-service"
    if operation.access is Access.GUEST:
        assert row.access is not routes.Access.TOKEN, f"the gateway would refuse guests: {operation.name}"
    if operation.access is Access.OPTIONAL:
        assert row.access in (routes.Access.OPTIONAL, routes.Access.COOKIE), f"the gateway asks more: {operation.name}"


@pytest.mark.parametrize(("service", "operation"), list(every(internal=True)), ids=_name)
def test_no_internal_operation_has_a_route(service: str, operation: Operation) -> None:
    assert operation.path.startswith("/internal/v1/"), f"{service}: {operation.name}"
    assert routes.match(operation.method, operation.path) is None


def _concrete(path: str) -> str:
    return "/".join("x" if part.startswith("{") else part for part in path.split("/"))


if __name__ == "__main__":
    for name in SERVICES:
        document(name).write_text(written(name), encoding="utf-8")
    for target, made in generated().items():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(made, encoding="utf-8")
