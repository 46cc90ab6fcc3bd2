"""Keep unit tests in memory: no socket, so nothing but the code under test can make them fail.

Between: pytest-socket and every test below tests/unit.
Invariant: Unix socket pairs stay allowed, because an asyncio loop wakes itself through one.
Errors: SocketBlockedError in the test that tried.
"""

from collections.abc import Iterator

import pytest
import pytest_socket


@pytest.fixture(autouse=True)
def no_sockets() -> Iterator[None]:
    """Refuse every socket for the length of one test."""
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()
