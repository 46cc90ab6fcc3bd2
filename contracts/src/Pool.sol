// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @title One artist's coin against the chain's own currency.
/// @dev A constant product pool after Uniswap v2's white paper, with one native side as in v1.
/// Invariants, each held by a test:
/// - k = coinReserve x nativeReserve never falls by a swap, and k per share squared never falls at all: every division
///   rounds for the pool;
/// - the reserves are counted, never read from balances: coins or ether sent here outside the functions below move no
///   price and no share, so the first provider cannot inflate a share by a donation (and what is donated is lost);
/// - the first 1000 shares belong to nobody, so a share cannot be made coarse;
/// - effects come before transfers, ether last: a receiver that is called back sees settled reserves.
contract Pool is ERC20, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice Shares that nobody owns (Uniswap v2's number).
    uint256 public constant MINIMUM_SHARES = 1000;
    address private constant NOBODY = address(0xdead);
    uint256 private constant BPS = 10_000;

    IERC20 public immutable coin;
    /// @notice What a swap leaves in the pool: 30 or 100 basis points of what comes in.
    uint256 public immutable feeBps;
    uint128 private _coinReserve;
    uint128 private _nativeReserve;

    event Mint(address indexed provider, uint256 coinAmount, uint256 nativeAmount, uint256 shares);
    event Burn(address indexed provider, address indexed to, uint256 coinAmount, uint256 nativeAmount, uint256 shares);
    event Swap(
        address indexed sender, address indexed to, uint256 coinIn, uint256 nativeIn, uint256 coinOut, uint256 nativeOut
    );

    error WrongFee(uint256 feeBps);
    error TooLate(uint256 deadline);
    error Slippage(uint256 got, uint256 limit);
    error NothingGiven();
    error NoLiquidity();
    error TooMuch();

    modifier before(uint256 deadline) {
        if (block.timestamp > deadline) revert TooLate(deadline);
        _;
    }

    constructor(IERC20 coin_, uint256 feeBps_) ERC20("AudiFi Pool Share", "AFPS") {
        if (feeBps_ != 30 && feeBps_ != 100) revert WrongFee(feeBps_);
        coin = coin_;
        feeBps = feeBps_;
    }

    function getReserves() external view returns (uint256 coinReserve, uint256 nativeReserve) {
        return (_coinReserve, _nativeReserve);
    }

    /// @notice What a swap of `amountIn` would give now.
    /// @param coinIn whether coins come in (and native currency goes out)
    function getAmountOut(uint256 amountIn, bool coinIn) public view returns (uint256) {
        if (amountIn == 0) revert NothingGiven();
        if (amountIn > type(uint128).max) revert TooMuch();
        (uint256 reserveIn, uint256 reserveOut) =
            coinIn ? (_coinReserve, _nativeReserve) : (_nativeReserve, _coinReserve);
        if (reserveIn == 0) revert NoLiquidity();
        uint256 counted = amountIn * (BPS - feeBps);
        return Math.mulDiv(counted, reserveOut, reserveIn * BPS + counted);
    }

    /// @notice Provide all of the ether sent, and as many coins as the price asks, at most `coinMax`. The first provider
    /// sets the price: all of `coinMax` is taken.
    function addLiquidity(uint256 coinMax, uint256 sharesMin, uint256 deadline)
        external
        payable
        before(deadline)
        nonReentrant
        returns (uint256 shares)
    {
        uint256 supply = totalSupply();
        uint256 coinAmount = coinMax;
        if (msg.value == 0 || coinMax == 0) revert NothingGiven();
        if (supply == 0) {
            uint256 root = Math.sqrt(coinMax * msg.value);
            if (root <= MINIMUM_SHARES) revert NoLiquidity();
            shares = root - MINIMUM_SHARES;
            _mint(NOBODY, MINIMUM_SHARES);
        } else {
            coinAmount = Math.mulDiv(msg.value, _coinReserve, _nativeReserve, Math.Rounding.Ceil);
            if (coinAmount > coinMax) revert Slippage(coinAmount, coinMax);
            shares = Math.min(
                Math.mulDiv(msg.value, supply, _nativeReserve), Math.mulDiv(coinAmount, supply, _coinReserve)
            );
            if (shares == 0) revert NothingGiven();
        }
        if (shares < sharesMin) revert Slippage(shares, sharesMin);
        _mint(msg.sender, shares);
        _settle(_coinReserve + coinAmount, _nativeReserve + msg.value);
        emit Mint(msg.sender, coinAmount, msg.value, shares);
        coin.safeTransferFrom(msg.sender, address(this), coinAmount);
    }

    /// @notice Give shares back for their part of both reserves.
    function removeLiquidity(uint256 shares, uint256 coinMin, uint256 nativeMin, address payable to, uint256 deadline)
        external
        before(deadline)
        nonReentrant
        returns (uint256 coinAmount, uint256 nativeAmount)
    {
        if (shares == 0) revert NothingGiven();
        uint256 supply = totalSupply();
        coinAmount = Math.mulDiv(shares, _coinReserve, supply);
        nativeAmount = Math.mulDiv(shares, _nativeReserve, supply);
        if (coinAmount < coinMin) revert Slippage(coinAmount, coinMin);
        if (nativeAmount < nativeMin) revert Slippage(nativeAmount, nativeMin);
        _burn(msg.sender, shares);
        _settle(_coinReserve - coinAmount, _nativeReserve - nativeAmount);
        emit Burn(msg.sender, to, coinAmount, nativeAmount, shares);
        coin.safeTransfer(to, coinAmount);
        Address.sendValue(to, nativeAmount);
    }

    /// @notice Sell coins for native currency.
    function swapCoinForNative(uint256 coinIn, uint256 nativeMin, address payable to, uint256 deadline)
        external
        before(deadline)
        nonReentrant
        returns (uint256 nativeOut)
    {
        nativeOut = getAmountOut(coinIn, true);
        if (nativeOut == 0 || nativeOut < nativeMin) revert Slippage(nativeOut, nativeMin);
        _trade(_coinReserve + coinIn, _nativeReserve - nativeOut);
        emit Swap(msg.sender, to, coinIn, 0, 0, nativeOut);
        coin.safeTransferFrom(msg.sender, address(this), coinIn);
        Address.sendValue(to, nativeOut);
    }

    /// @notice Buy coins for the native currency sent.
    function swapNativeForCoin(uint256 coinMin, address to, uint256 deadline)
        external
        payable
        before(deadline)
        nonReentrant
        returns (uint256 coinOut)
    {
        coinOut = getAmountOut(msg.value, false);
        if (coinOut == 0 || coinOut < coinMin) revert Slippage(coinOut, coinMin);
        _trade(_coinReserve - coinOut, _nativeReserve + msg.value);
        emit Swap(msg.sender, to, 0, msg.value, coinOut, 0);
        coin.safeTransfer(to, coinOut);
    }

    /// @dev A swap that would lower k is a bug of this contract: it stops here.
    function _trade(uint256 coinReserve, uint256 nativeReserve) private {
        assert(coinReserve * nativeReserve >= uint256(_coinReserve) * _nativeReserve);
        _settle(coinReserve, nativeReserve);
    }

    function _settle(uint256 coinReserve, uint256 nativeReserve) private {
        if (coinReserve > type(uint128).max || nativeReserve > type(uint128).max) revert TooMuch();
        _coinReserve = uint128(coinReserve);
        _nativeReserve = uint128(nativeReserve);
    }
}
