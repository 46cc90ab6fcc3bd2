"""Read the contracts through the pool, as services do: values, and the reason of a refusal.

Between: clients.chain.contracts.surface, clients.chain.pool.chains and a node.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.component.contracts.node import ETHER
from tests.component.contracts.world import ALICE, ARTIST, BOB, TERMS, World

from audifi.clients.chain.contracts.abi import Undecodable
from audifi.clients.chain.contracts.events import Minted
from audifi.clients.chain.contracts.surface import CoinContract, MasterContract
from audifi.clients.chain.errors import CallerError
from audifi.clients.chain.pool.chains import Chain, Chains

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def pool(chain: World) -> AsyncIterator[Chain]:
    """The chain with one share sold, through the pool."""
    chain.mint(ALICE, 1)
    chains = await Chains.open([f"1:anvil={chain.node.url}"])
    yield chains[1]
    await chains.close()


async def test_values_are_typed(chain: World, pool: Chain) -> None:
    master = chain.master
    assert await master.owner_of(pool, 1) == ALICE
    assert await master.balance_of(pool, ALICE) == await master.total_supply(pool) == 1
    assert await master.royalty_info(pool, 1, ETHER) == (ARTIST, ETHER // 10)
    assert await master.token_uri(pool, 1) == f"{TERMS.base_uri}1"
    assert await master.dividend_contract(pool) == chain.dividend.address
    assert await master.is_paused(pool) is False
    assert await chain.pool.reserves(pool) == (0, 0)
    assert await chain.coin.is_ours(pool)


async def test_events_are_found_by_their_topic(chain: World, pool: Chain) -> None:
    wanted = {"address": chain.master.address, "topics": [MasterContract.topic("Minted")], "fromBlock": "0x0"}
    logs = await pool.call("eth_getLogs", [{**wanted, "toBlock": hex((await pool.head()).number)}])
    found = chain.master.events(logs)
    assert [logged.event for logged in found] == [Minted(minter=ALICE, token_id=1, price=TERMS.mint_price_wei)]


async def test_a_refusal_tells_its_reason(chain: World, pool: Chain) -> None:
    request = {"from": BOB, "to": chain.master.address, "data": "0x" + chain.master.mint(BOB).hex(), "value": "0x1"}
    with pytest.raises(CallerError) as refused:
        await pool.call("eth_call", [request, "latest"])
    assert MasterContract.reason(refused.value.data) == f"WrongValue(sent=1, required={TERMS.mint_price_wei})"


async def test_an_address_without_a_contract_is_no_zero(pool: Chain) -> None:
    with pytest.raises(Undecodable, match="totalSupply: 0 bytes"):
        await CoinContract(BOB).total_supply(pool)
