"""Operators' programs: progress, one result or one refusal, and a broken one is told with its last words.

Between: audifi.local.console and programs of the data plane, as processes.
"""

import pytest

from audifi.local import console
from audifi.local.errors import LocalError

CHAIN = "audifi.clients.chain"


def test_what_is_wrong_with_the_settings_is_told_all_at_once() -> None:
    told = {"RPC_PROVIDERS": "1:alchemy=https://x.example/v2/{key},nonsense", "RPC_KEYS": ""}
    with pytest.raises(LocalError, match=r"needs a key.*expected chain_id:provider=url"):
        console.run(CHAIN, ["status"], told, on_progress=print)


def test_progress_is_told_before_the_result() -> None:
    said: list[str] = []
    told = {"RPC_PROVIDERS": "1:nobody=http://127.0.0.1:9/", "RPC_KEYS": ""}
    found = console.run(CHAIN, ["doctor"], told, on_progress=said.append)
    assert said == ["chain 1: examining nobody"]
    [finding] = found
    assert (finding["provider"], finding["check"], finding["level"]) == ("nobody", "chain id", "error")


def test_a_program_that_breaks_is_told_with_its_last_words() -> None:
    with pytest.raises(LocalError, match=r"No module named audifi\.clients\.nothing"):
        console.run("audifi.clients.nothing", [], {}, on_progress=print)
