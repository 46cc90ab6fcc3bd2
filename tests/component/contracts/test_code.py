"""Tell our deployed code from any other.

Between: the contracts on a chain and the artifacts the data plane carries.
"""

from tests.component.contracts.node import now
from tests.component.contracts.world import ALICE, World

from audifi.clients.chain.contracts.surface import DividendContract, MasterContract


def test_what_was_deployed_is_what_was_compiled(chain: World) -> None:
    for contract in (chain.master, chain.dividend, chain.market, chain.coin, chain.staking, chain.pool):
        assert now(contract.is_ours(chain.node)), contract


def test_another_contract_or_none_is_not_ours(chain: World) -> None:
    assert not now(MasterContract(chain.dividend.address).is_ours(chain.node))
    assert not now(DividendContract(ALICE).is_ours(chain.node))


def test_one_changed_byte_is_not_ours(chain: World) -> None:
    code = chain.node.rpc("eth_getCode", chain.dividend.address, "latest")
    chain.node.rpc(
        "anvil_setCode", chain.dividend.address, code[:-20] + ("0" if code[-20] != "0" else "1") + code[-19:]
    )
    assert not now(chain.dividend.is_ours(chain.node))
