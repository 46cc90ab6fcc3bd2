"""Deploy one of each contract, with the people of these tests around them.

Between: conftest.py and the tests.
Units: wei and base units.
Invariant: every wallet here holds ether enough; nobody but the named one holds a role.
"""

from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from tests.component.contracts.node import ETHER, Node, wallet

from audifi.clients.chain.contracts.surface import (
    CoinContract,
    CoinHolders,
    DividendContract,
    MarketContract,
    MasterContract,
    MasterTerms,
    PoolContract,
    StakingContract,
)

ARTIST: Final = wallet("artist")
PLATFORM: Final = wallet("platform")
ADMIN: Final = wallet("admin")
OPERATOR: Final = wallet("operator")
ALICE: Final = wallet("alice")
BOB: Final = wallet("bob")
CAROL: Final = wallet("carol")
STRANGER: Final = wallet("stranger")
HOLDERS: Final = CoinHolders(
    treasury=wallet("treasury"),
    participants=wallet("participants"),
    liquidity=wallet("liquidity"),
    community=wallet("community"),
)
PEOPLE: Final = (ARTIST, PLATFORM, ADMIN, OPERATOR, ALICE, BOB, CAROL, STRANGER)
COIN: Final = 10**18
NONE: Final = "0x" + "00" * 20
FAR_S: Final = 2**40  # a deadline no test reaches
TERMS: Final = MasterTerms(
    master_id=UUID("01890000-0000-7000-8000-000000000001"),
    name="Midnight Pulse",
    symbol="MIDN",
    artist=ARTIST,
    platform=PLATFORM,
    admin=ADMIN,
    operator=OPERATOR,
    max_supply=130,
    artist_reserve=20,
    mint_price_wei=ETHER // 20,  # 0.05, as in domain.md's example of the primary sale
    base_uri="ipfs://bafy/",
)


@dataclass(frozen=True)
class World:
    """The contracts of one artist."""

    node: Node
    master: MasterContract
    dividend: DividendContract
    market: MarketContract
    coin: CoinContract
    staking: StakingContract
    pool: PoolContract

    def mint(self, to: str, count: int) -> None:
        """Buy shares."""
        self.node.send(to, self.master.address, self.master.mint_batch(to, count), count * TERMS.mint_price_wei)

    def offer(self, market: MarketContract, token_id: int, price_wei: int, seller: str = ALICE) -> None:
        """Approve and list a share."""
        self.node.send(seller, self.master.address, self.master.approve(market.address, token_id))
        self.node.send(seller, market.address, market.list(self.master.address, token_id, price_wei))

    def fund_staking(self, amount: int) -> None:
        """Give the rewards' pool coins of the community."""
        self.pay_in_coins(HOLDERS.community, self.staking.address, amount, self.staking.fund(amount))

    def pay_in_coins(self, payer: str, spender: str, amount: int, data: bytes) -> None:
        """Allow a contract to take coins, then let it."""
        self.node.send(payer, self.coin.address, self.coin.approve(spender, amount))
        self.node.send(payer, spender, data)

    def give_coins(self, to: str, amount: int) -> None:
        """Hand out coins of the treasury."""
        self.node.send(HOLDERS.treasury, self.coin.address, self.coin.transfer(to, amount))

    def halt_coin(self) -> None:
        self.node.send(OPERATOR, self.coin.address, self.coin.pause())


def deployed(node: Node) -> World:
    """Deploy one of each, open the sale, link what belongs together."""
    for person in (*PEOPLE, HOLDERS.treasury, HOLDERS.participants, HOLDERS.liquidity, HOLDERS.community):
        node.give(person)
    master = master_of(node, TERMS)
    node.send(OPERATOR, master.address, master.unpause())
    dividend = DividendContract(
        node.deploy(OPERATOR, DividendContract.deploy(master=master.address, admin=ADMIN, allocator=OPERATOR))
    )
    node.send(OPERATOR, master.address, master.set_dividend_contract(dividend.address))
    market = market_of(node, fee_bps=0)
    coin = CoinContract(
        node.deploy(OPERATOR, CoinContract.deploy("Alex Rivera", "ALEXR", HOLDERS, admin=ADMIN, pauser=OPERATOR))
    )
    pool = PoolContract(node.deploy(OPERATOR, PoolContract.deploy(coin=coin.address, fee_bps=30)))
    node.send(ADMIN, coin.address, coin.set_liquidity_pool(pool.address))
    staking = StakingContract(
        node.deploy(OPERATOR, StakingContract.deploy(coin=coin.address, pool=pool.address, base_bps=1000))
    )
    return World(node, master, dividend, market, coin, staking, pool)


def master_of(node: Node, terms: MasterTerms, **changes: object) -> MasterContract:
    """Deploy one more master."""
    return MasterContract(node.deploy(OPERATOR, MasterContract.deploy(replace(terms, **changes))))  # pyright: ignore[reportArgumentType]  # a test's changes


def market_of(node: Node, *, fee_bps: int, fee_receiver: str = PLATFORM) -> MarketContract:
    """Deploy one more marketplace."""
    data = MarketContract.deploy(fee_receiver=fee_receiver, fee_bps=fee_bps)
    return MarketContract(node.deploy(OPERATOR, data))
