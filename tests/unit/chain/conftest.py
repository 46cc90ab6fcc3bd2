"""Keep the log of the pool out of the tests' output.

Between: pytest and the tests of clients.chain.
"""

import os
from collections.abc import Iterator

import pytest

from audifi.kernel.logs import Sink, log


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Send the log nowhere for the length of a test."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    usual, log.sink = log.sink, Sink(nowhere)
    yield
    log.sink.flush()
    log.sink = usual
    os.close(nowhere)
