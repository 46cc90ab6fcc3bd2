// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Pausable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Pausable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @notice Who receives the four parts of the supply.
/// @param treasury the artist: 30 %
/// @param participants holds what the IPO's buyers are given: 20 %
/// @param liquidity provides the pool: 25 %
/// @param community pays rewards: 25 %
struct CoinHolders {
    address treasury;
    address participants;
    address liquidity;
    address community;
}

/// @title One artist's coin.
/// @dev Invariants, each held by a test: the supply is 1,000,000 coins from the first block on (there is no mint and no
/// burn); the four parts sum up to it; the pool's address is told once. The pauser can stop every transfer of this
/// coin, the pool's and the stakers' included: that is a power over holders, given to a key of its own.
contract Coin is ERC20, ERC20Permit, ERC20Pausable, AccessControl {
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    uint256 public constant SUPPLY = 1_000_000e18;

    /// @notice Where this coin trades against ether.
    address public liquidityPool;

    event LiquidityPoolSet(address indexed pool);

    error LiquidityPoolAlreadySet(address pool);
    error ZeroAddress();

    constructor(string memory name, string memory symbol, CoinHolders memory holders, address admin, address pauser)
        ERC20(name, symbol)
        ERC20Permit(name)
    {
        _mint(holders.treasury, 300_000e18);
        _mint(holders.participants, 200_000e18);
        _mint(holders.liquidity, 250_000e18);
        _mint(holders.community, 250_000e18);
        assert(totalSupply() == SUPPLY);
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(PAUSER_ROLE, pauser);
    }

    function setLiquidityPool(address pool) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (liquidityPool != address(0)) revert LiquidityPoolAlreadySet(liquidityPool);
        if (pool == address(0)) revert ZeroAddress();
        liquidityPool = pool;
        emit LiquidityPoolSet(pool);
    }

    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    function unpause() external onlyRole(PAUSER_ROLE) {
        _unpause();
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Pausable) {
        super._update(from, to, value);
    }
}
