"""The list of providers is read exactly, and everything wrong with it is said at once, without a key.

Between: clients.chain.providers, pool (opens nothing before the first call), pins, cache (pure).
"""

import asyncio

import pytest

from audifi.clients.chain import Chains, UnknownChain, parse_providers
from audifi.clients.chain.pool.cache import BYTES_MAX, ENTRIES_MAX, Cache
from audifi.clients.chain.pool.heights import pinned
from audifi.clients.chain.pool.methods import Keep, policy_of
from audifi.clients.chain.providers import chain_id_of
from audifi.kernel.settings import Secret, SettingsError

GOOD = (
    "1:alchemy=https://eth-mainnet.g.alchemy.com/v2/{key}#per_s=500,1:infura=https://mainnet.infura.io/v3/{key},"
    "137:alchemy=https://polygon-mainnet.g.alchemy.com/v2/{key},8453:local=http://127.0.0.1:8545"
)
KEYS = Secret("alchemy=abc123,infura=def456")


def test_providers_keep_their_order_and_hide_their_keys() -> None:
    found = parse_providers(GOOD, KEYS)
    assert [(each.chain_id, each.name) for each in found] == [
        (1, "alchemy"), (1, "infura"), (137, "alchemy"), (8453, "local"),
    ]  # fmt: skip
    assert found[0].url.reveal() == "https://eth-mainnet.g.alchemy.com/v2/abc123"
    assert found[0].plan_per_s == 500.0
    assert "abc123" not in repr(found)


def test_all_problems_come_at_once() -> None:
    text = "alchemy=https://x,1:infura=ftp://y/{key},1:other=http://evil.example.com/{key},1:a=https://h/{key},1:b=https://h#x=1"
    with pytest.raises(SettingsError) as told:
        parse_providers(text, Secret("infura=,a b=c,other=o/o"))
    told_text = "\n".join(told.value.problems)
    for expected in (
        "entry 1 is 'alchemy'…: expected chain_id:provider=url",
        "entry 2 (1:infura) has no http(s) URL",
        "entry 3 (1:other) would send its key in clear to evil.example.com",
        "entry 4 (1:a) needs a key: add a=… to RPC_KEYS",
        "entry 5 (1:b) ends in #x=1",
        "RPC_KEYS: entry 1 is not provider=KEY",
        "RPC_KEYS: the key of other",
    ):
        assert expected in told_text, f"{expected!r} is not in\n{told_text}"


def test_nothing_configured_is_a_problem_and_twice_the_same_too() -> None:
    with pytest.raises(SettingsError, match="names no provider"):
        parse_providers("", None)
    with pytest.raises(SettingsError, match="repeats 1:local"):
        parse_providers("1:local=http://127.0.0.1:1,1:local=http://127.0.0.1:2", None)


def test_chains_open_from_settings() -> None:
    async def opened() -> None:
        chains = await Chains.open(tuple(GOOD.split(",")), KEYS)
        assert list(chains) == [1, 137, 8453]
        assert 1 in chains
        with pytest.raises(UnknownChain, match="chain 5"):
            _ = chains[5]
        with pytest.raises(SettingsError, match="chain 5 is not"):
            await Chains.open("5:local=http://127.0.0.1:1")
        await chains.close()

    asyncio.run(opened())


def test_latest_becomes_the_tip_and_the_callers_list_stays() -> None:
    params = [{"to": "0x1"}, "latest"]
    assert pinned(policy_of("eth_call"), params, tip=16).params == [{"to": "0x1"}, "0x10"]
    assert pinned(policy_of("eth_call"), params, tip=16, tip_hash="0xh").params == [{"to": "0x1"}, {"blockHash": "0xh"}]
    assert params[1] == "latest"
    assert pinned(policy_of("eth_call"), [{"to": "0x1"}], tip=16).height == 16
    assert pinned(policy_of("eth_getBlockByNumber"), ["finalized", False], tip=16, final=3).params == ["0x3", False]
    assert pinned(policy_of("eth_getBalance"), ["0x1", "pending"], tip=16).height is None


def test_logs_are_pinned_at_both_ends() -> None:
    policy = policy_of("eth_getLogs")
    assert pinned(policy, [{"fromBlock": "0x1", "address": "0xa"}], tip=16).params == [
        {"fromBlock": "0x1", "address": "0xa", "toBlock": "0x10"}
    ]
    by_hash = [{"blockHash": "0xabc"}]
    assert pinned(policy, by_hash, tip=16).params == by_hash


def test_the_cache_keeps_final_answers_and_forgets_young_ones() -> None:
    cache = Cache(block_time_s=2.0)
    cache.put(("a", b""), b"1", keep=Keep.AT_BLOCK, height=5, final=10, now_s=0.0)
    cache.put(("b", b""), b"2", keep=Keep.AT_BLOCK, height=11, final=10, now_s=0.0)
    cache.put(("c", b""), b"null", keep=Keep.AT_BLOCK, height=5, final=10, now_s=0.0)
    cache.put(("d", b""), b"4", keep=Keep.NEVER, height=None, final=10, now_s=0.0)
    assert [cache.get((name, b""), 1.0) for name in "abcd"] == [b"1", b"2", None, None]
    assert [cache.get((name, b""), 100.0) for name in "ab"] == [b"1", None]


def test_the_cache_is_bounded() -> None:
    cache = Cache(block_time_s=2.0)
    for number in range(ENTRIES_MAX + 10):
        cache.put(("a", b"%d" % number), b"1", keep=Keep.ALWAYS, height=None, final=0, now_s=0.0)
    assert len(cache) == ENTRIES_MAX
    large = b"x" * (1024 * 1024)
    for number in range(BYTES_MAX // len(large) + 5):
        cache.put(("b", b"%d" % number), large, keep=Keep.ALWAYS, height=None, final=0, now_s=0.0)
    assert len(cache) <= BYTES_MAX // len(large)


@pytest.mark.parametrize(("word", "number"), [("polygon", 137), ("137", 137), ("ethereum", 1)])
def test_a_chain_is_meant_by_its_name_or_its_number(word: str, number: int) -> None:
    assert chain_id_of(word, (1, 137)) == number


@pytest.mark.parametrize("word", ["goerli", "8453", "", "-1", "²"])
def test_an_unknown_chain_is_refused_with_what_there_is(word: str) -> None:
    with pytest.raises(UnknownChain, match=r"there are ethereum \(1\), polygon \(137\)"):
        chain_id_of(word, (1, 137))
