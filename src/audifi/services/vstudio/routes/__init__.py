"""List everything vstudio-service answers to.

Between: app (serves it), tests and the OpenAPI document (read it).
"""

from typing import Final

from audifi.kernel.http import Operation

OPERATIONS: Final[tuple[Operation, ...]] = ()
