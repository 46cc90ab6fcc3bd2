// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @title Coins put away for a time, and what they earn.
/// @notice A year earns the base rate, 2 % more per full 30 days of lock (at most 12 %), and 5 % more for a wallet that
/// provides liquidity when it stakes. The rate is frozen then.
/// @dev Invariants, each held by a test:
/// - principal and rewards are counted apart: this contract's coins >= totalStaked + rewardsLeft, always;
/// - rewards come from what was funded and stop when it is used up; principal is returned in any case, in full;
/// - a stake earns floor(amount x bps x seconds / (10000 x 31,536,000)) and is never paid more than that.
/// There is no owner and no role: nobody can touch a stake but its staker.
contract Staking is ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    uint256 public constant YEAR_S = 31_536_000;
    uint256 private constant BPS = 10_000;
    uint256 public constant BONUS_PER_30_DAYS_BPS = 200;
    uint256 public constant LOCK_BONUS_BPS_MAX = 1200;
    uint256 public constant LIQUIDITY_BONUS_BPS = 500;
    uint256 public constant BASE_BPS_MIN = 500;
    uint256 public constant BASE_BPS_MAX = 1500;

    /// @param amount staked, in base units; 0 once it was taken back
    /// @param rewardPaid so far, in base units
    struct Stake {
        address staker;
        uint64 startedAt;
        uint64 unlocksAt;
        uint32 apyBps;
        uint128 amount;
        uint128 rewardPaid;
    }

    IERC20 public immutable coin;
    /// @notice The pool whose shares earn the liquidity bonus; address(0) for none.
    IERC20 public immutable pool;
    uint256 public immutable baseBps;
    uint256 public totalStaked;
    /// @notice What can still be paid as rewards.
    uint256 public rewardsLeft;
    uint256 public rewardsFunded;
    uint256 public stakeCount;
    mapping(uint256 stakeId => Stake) public stakes;

    event Funded(address indexed from, uint256 amount);
    event Staked(uint256 indexed stakeId, address indexed staker, uint256 amount, uint256 apyBps, uint256 unlocksAt);
    event RewardPaid(uint256 indexed stakeId, address indexed staker, uint256 amount);
    event Unstaked(uint256 indexed stakeId, address indexed staker, uint256 amount);

    error WrongBase(uint256 baseBps);
    error WrongLock(uint256 lockDays);
    error NothingStaked();
    error NotStaker(uint256 stakeId, address caller);
    error Locked(uint256 stakeId, uint256 unlocksAt);

    constructor(IERC20 coin_, IERC20 pool_, uint256 baseBps_) {
        if (baseBps_ < BASE_BPS_MIN || baseBps_ > BASE_BPS_MAX) revert WrongBase(baseBps_);
        coin = coin_;
        pool = pool_;
        baseBps = baseBps_;
    }

    /// @notice Add to what rewards are paid from.
    function fund(uint256 amount) external nonReentrant {
        rewardsLeft += amount;
        rewardsFunded += amount;
        emit Funded(msg.sender, amount);
        coin.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @notice Put coins away for 0, 30, 90 or 365 days.
    function stake(uint256 amount, uint256 lockDays) external nonReentrant returns (uint256 stakeId) {
        if (amount == 0) revert NothingStaked();
        uint256 apyBps = apyOf(msg.sender, lockDays);
        uint256 unlocksAt = block.timestamp + lockDays * 1 days;
        stakeId = ++stakeCount;
        stakes[stakeId] = Stake({
            staker: msg.sender,
            startedAt: uint64(block.timestamp),
            unlocksAt: uint64(unlocksAt),
            apyBps: uint32(apyBps),
            amount: amount.toUint128(),
            rewardPaid: 0
        });
        totalStaked += amount;
        emit Staked(stakeId, msg.sender, amount, apyBps, unlocksAt);
        coin.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @notice Take a stake back with its reward. What the pool of rewards cannot pay by then is given up: who wants to
    /// wait for more funding calls this later.
    function unstake(uint256 stakeId) external nonReentrant {
        Stake storage found = _own(stakeId);
        if (block.timestamp < found.unlocksAt) revert Locked(stakeId, found.unlocksAt);
        uint256 reward = _takeReward(stakeId, found);
        uint256 amount = found.amount;
        found.amount = 0;
        totalStaked -= amount;
        emit Unstaked(stakeId, msg.sender, amount);
        coin.safeTransfer(msg.sender, amount + reward);
    }

    /// @notice Take what a stake has earned, locked or not.
    function claimRewards(uint256 stakeId) external nonReentrant returns (uint256 reward) {
        reward = _takeReward(stakeId, _own(stakeId));
        coin.safeTransfer(msg.sender, reward);
    }

    /// @notice What a stake would be paid now.
    function getRewards(uint256 stakeId) external view returns (uint256) {
        return _payable(stakes[stakeId]);
    }

    /// @notice The yearly rate a wallet would get now, in basis points.
    function apyOf(address wallet, uint256 lockDays) public view returns (uint256) {
        if (lockDays != 0 && lockDays != 30 && lockDays != 90 && lockDays != 365) revert WrongLock(lockDays);
        uint256 bonus = Math.min((lockDays / 30) * BONUS_PER_30_DAYS_BPS, LOCK_BONUS_BPS_MAX);
        bool provides = address(pool) != address(0) && pool.balanceOf(wallet) != 0;
        return baseBps + bonus + (provides ? LIQUIDITY_BONUS_BPS : 0);
    }

    function _own(uint256 stakeId) private view returns (Stake storage found) {
        found = stakes[stakeId];
        if (found.staker != msg.sender) revert NotStaker(stakeId, msg.sender);
        if (found.amount == 0) revert NothingStaked();
    }

    function _takeReward(uint256 stakeId, Stake storage found) private returns (uint256 reward) {
        reward = _payable(found);
        found.rewardPaid += reward.toUint128();
        rewardsLeft -= reward;
        emit RewardPaid(stakeId, msg.sender, reward);
    }

    function _payable(Stake storage found) private view returns (uint256) {
        if (found.amount == 0) return 0;
        uint256 seconds_ = block.timestamp - found.startedAt;
        uint256 earned = Math.mulDiv(found.amount, found.apyBps * seconds_, BPS * YEAR_S);
        return Math.min(earned - found.rewardPaid, rewardsLeft);
    }
}
