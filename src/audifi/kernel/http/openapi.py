"""Write the table of operations as an OpenAPI 3.1 document."""

from collections.abc import Sequence
from typing import Any

from audifi.kernel.http.operation import Operation


def openapi(operations: Sequence[Operation], *, title: str, version: str) -> dict[str, Any]:
    """Return the document, sorted so that it can be committed and compared."""
    raise NotImplementedError
