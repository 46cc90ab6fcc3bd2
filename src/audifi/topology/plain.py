"""Turn declared data into what JSON can hold, without losing which reference a value is.

Between: cli.topology, cli.check and anything outside Python that reads the model.
Shape: dataclasses become objects; a reference also says its type: {"type": "Secret", "name": "…"}.
Invariant: no secret can appear: the model holds only their names.
Errors: TypeError for a type the model does not use.
"""

from dataclasses import fields, is_dataclass
from typing import Any, cast

from audifi.topology import references


def plain(value: object) -> Any:
    """The same data as objects, lists, text and numbers."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, tuple):
        return [plain(item) for item in cast("tuple[object, ...]", value)]
    if is_dataclass(value) and not isinstance(value, type):
        told: dict[str, Any] = {"type": type(value).__name__} if type(value).__module__ == references.__name__ else {}
        told.update({field.name: plain(getattr(value, field.name)) for field in fields(value)})
        return told
    raise TypeError(f"{type(value).__name__} is not part of the model")
