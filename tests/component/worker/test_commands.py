"""Every command a service may want, done on a real chain, and what is told of it: once, and in order."""

from uuid import uuid4

import pytest
from tests.component.worker.world import CHAIN, World, said

from audifi.clients.chain.contracts import merkle
from audifi.clients.chain.contracts.surface import (
    CoinContract,
    DividendContract,
    MarketContract,
    MasterContract,
    PoolContract,
    StakingContract,
)
from audifi.clients.chain.writing.ledger import State
from audifi.wire.events import chain as wanted
from audifi.wire.events.chain import ChainSettled, ChainWanted
from audifi.wire.problems import IdempotencyKeyReused, Invalid

pytestmark = pytest.mark.asyncio

ARTIST = "0x" + "a1" * 20
FAN = "0x" + "fa" * 20
PRICE = 10**16


def _master(**changes: object) -> wanted.DeployMaster:
    fields = {
        "master_id": str(uuid4()), "name": "Night", "symbol": "NITE", "artist": ARTIST, "max_supply": 20,
        "artist_reserve": 5, "mint_price_wei": str(PRICE), "base_uri": "ipfs://x/",
    }  # fmt: skip
    return wanted.DeployMaster(**(fields | changes))  # pyright: ignore[reportArgumentType]


def _key(what: str) -> str:
    return f"nft:{uuid4()}:{what}"


async def _deployed(world: World) -> str:
    settled = await world.done(_key("deploy"), _master())
    assert settled.contract is not None
    return settled.contract


async def test_a_master_from_its_deployment_to_a_claim(world: World) -> None:
    address = await _deployed(world)
    master = MasterContract(address)
    assert await master.is_ours(world.endpoint)
    told = await world.done(_key("dividend"), wanted.DeployDividend(master=address))
    dividend = DividendContract(told.contract or "")
    assert await dividend.is_ours(world.endpoint)
    await world.done(_key("link"), wanted.LinkDividend(master=address, dividend=dividend.address))
    await world.done(_key("reserve"), wanted.MintReserve(master=address, to=ARTIST, first_id=16, last_id=20))
    await world.done(_key("open"), wanted.OpenSale(master=address))
    purchase = str(uuid4())
    mint = wanted.MintPurchased(master=address, purchase_id=purchase, to=FAN, count=2)
    minted = await world.done(_key("mint"), mint)
    assert (minted.contract, minted.tx_hash is None, minted.block_number is None) == (None, False, False)
    assert [await master.owner_of(world.endpoint, each) for each in (1, 2, 16)] == [FAN, FAN, ARTIST]
    await world.done(_key("halt"), wanted.HaltSale(master=address))
    await world.done(_key("close"), wanted.CloseSale(master=address))
    deposit = wanted.DepositRevenue(
        dividend=dividend.address, payout_id=str(uuid4()), source="STREAMING", value_wei="1000"
    )
    await world.done(_key("deposit"), deposit)
    tree = merkle.epoch_tree(dividend.address, 1, {FAN: 600, ARTIST: 400})
    root = wanted.PublishRoot(dividend=dividend.address, epoch=1, root=tree.root, total_wei="1000")
    await world.done(_key("root"), root)
    claim = wanted.ClaimFor(dividend=dividend.address, wallet=FAN, epoch=1, amount_wei="600", proof=tree.proofs[FAN])
    await world.done(_key("claim"), claim)
    assert int(await world.endpoint.call("eth_getBalance", [FAN, "latest"]), 16) >= 600


async def test_a_coin_with_its_pool_and_its_stakes(world: World) -> None:
    async def done(command: wanted.AnyCommand) -> ChainSettled:
        return await world.done(f"coin:{uuid4()}:x", command, producer="coin-service")

    coin = CoinContract((await done(wanted.DeployCoin(name="Ada", symbol="ADA", treasury=ARTIST))).contract or "")
    pool = PoolContract((await done(wanted.DeployPool(coin=coin.address, fee_bps=30))).contract or "")
    await done(wanted.NamePool(coin=coin.address, pool=pool.address))
    assert await coin.liquidity_pool(world.endpoint) == pool.address
    await done(wanted.ApproveCoin(coin=coin.address, spender=pool.address, amount=str(10**21)))
    await done(wanted.AddLiquidity(pool=pool.address, coin_amount=str(10**21), value_wei=str(10**18)))
    assert tuple(await pool.reserves(world.endpoint)) == (10**21, 10**18)
    told = await done(wanted.DeployStaking(coin=coin.address, pool=pool.address, base_bps=1000))
    staking = StakingContract(told.contract or "")
    await done(wanted.ApproveCoin(coin=coin.address, spender=staking.address, amount=str(10**20)))
    await done(wanted.FundStaking(staking=staking.address, amount=str(10**20)))
    assert await staking.rewards_left_wei(world.endpoint) == 10**20
    await done(wanted.TransferCoin(coin=coin.address, to=FAN, amount="7"))
    assert await coin.balance_of(world.endpoint, FAN) == 7


async def test_a_market(world: World) -> None:
    told = await world.done(_key("market"), wanted.DeployMarket())
    assert await MarketContract(told.contract or "").is_ours(world.endpoint)


async def test_proceeds_are_paid_and_paying_them_again_is_no_failure(world: World) -> None:
    address = await _deployed(world)
    await world.done(_key("open"), wanted.OpenSale(master=address))
    buyer = (await world.endpoint.development("eth_accounts"))[0]
    call = {"from": buyer, "to": address, "value": hex(PRICE), "data": "0x" + MasterContract(address).mint(buyer).hex()}
    await world.endpoint.development("eth_sendTransaction", call)
    await world.mine(3)
    before = int(await world.endpoint.call("eth_getBalance", [ARTIST, "latest"]), 16)
    await world.done(_key("pay"), wanted.WithdrawProceeds(master=address, receiver=ARTIST))
    after = int(await world.endpoint.call("eth_getBalance", [ARTIST, "latest"]), 16)
    assert after - before == PRICE * 9750 // 10_000
    key = _key("pay")
    again = await world.done(key, wanted.WithdrawProceeds(master=address, receiver=ARTIST))
    assert (again.tx_hash, again.error) == (None, None), "nothing was owed: done, without a transaction"
    assert (await world.find(key)).state is State.REFUSED


async def test_what_is_so_already_is_done(world: World) -> None:
    address = await _deployed(world)
    await world.done(_key("open"), wanted.OpenSale(master=address))
    mint = wanted.MintPurchased(master=address, purchase_id=str(uuid4()), to=FAN, count=1)
    await world.done(_key("mint"), mint)
    key = _key("mint-again")
    assert (await world.done(key, mint)).tx_hash is None
    assert (await world.find(key)).error == f"PurchaseAlreadyMinted(purchaseId={_bytes32(mint.purchase_id)})"
    assert await MasterContract(address).public_minted(world.endpoint) == 1


async def test_what_the_contract_refuses_is_told_in_its_words(world: World) -> None:
    address = await _deployed(world)
    await world.done(_key("open"), wanted.OpenSale(master=address))
    key = _key("too-many")
    await world.want(key, wanted.MintPurchased(master=address, purchase_id=str(uuid4()), to=FAN, count=16))
    assert (await world.settle(key)).state is State.REFUSED
    [told] = await world.told(key)
    assert (told.state, told.error, told.tx_hash) == ("REFUSED", "SoldOut(wanted=16, left=15)", None)


async def test_confirmed_comes_first_and_a_reorg_takes_it_back(world: World) -> None:
    key = _key("deploy")
    await world.want(key, _master())
    row = await world.until(key, State.CONFIRMED)
    await world.endpoint.development("anvil_reorg", 2, [])  # a chain without it
    assert row.block_number is not None
    await world.until(key, State.SENT)
    await world.settle(key)
    assert [each.state for each in await world.told(key)] == ["CONFIRMED", "UNDONE", "CONFIRMED", "FINAL"]
    addresses = {each.contract for each in await world.told(key) if each.state != "UNDONE"}
    assert len(addresses) == 1, "the nonce stays, so the address does"


async def test_asking_twice_is_asking_once_and_is_answered_twice(world: World) -> None:
    key, command = _key("deploy"), _master()
    event = said(ChainWanted(key=key, chain_id=CHAIN, command=command))
    await world.deliver(event)
    await world.deliver(event)
    await world.settle(key)
    before = await world.told(key)
    assert [each.state for each in before] == ["CONFIRMED", "FINAL"]
    await world.want(key, command)
    assert (await world.told(key))[2:] == [before[-1]], "told again, not done again"
    nonces = int(await world.endpoint.call("eth_getTransactionCount", [world.parts.roles.signer, "latest"]), 16)
    assert nonces == 1


async def test_a_key_stands_for_one_command_of_its_owner(world: World) -> None:
    key = _key("deploy")
    await world.want(key, _master())
    with pytest.raises(IdempotencyKeyReused):
        await world.want(key, _master(name="Day"))
    with pytest.raises(Invalid, match="begin with 'coin:'"):
        await world.want(_key("deploy"), _master(), producer="coin-service")
    with pytest.raises(Invalid, match="begin with"):
        await world.want("edge:1", _master(), producer="edge")
    with pytest.raises(Invalid):
        await world.deliver(said(ChainWanted(key=_key("x"), chain_id=999, command=_master())))
    with pytest.raises(ValueError, match="badly formed"):
        await world.want(_key("bad"), _master(master_id="no-uuid"))


def _bytes32(identifier: str) -> str:
    return "0x" + identifier.replace("-", "").rjust(64, "0")
