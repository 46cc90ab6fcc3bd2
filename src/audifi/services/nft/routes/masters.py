"""Describe recordings: register, read, change, confirm rights, lock, archive.

Between: the gateway (/masters…) and store.masters.
Source: domain.md 2.2.
"""

from typing import Final

from audifi.kernel.http import Operation

OPERATIONS: Final[tuple[Operation, ...]] = ()
