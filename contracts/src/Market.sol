// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC2981} from "@openzeppelin/contracts/interfaces/IERC2981.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ERC165Checker} from "@openzeppelin/contracts/utils/introspection/ERC165Checker.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title Where shares are resold at a fixed price.
/// @notice A share stays with its owner until somebody buys it. There is no owner and no role: nobody can halt a sale,
/// change the fee or touch money that is owed.
/// @dev Invariants, each held by a test:
/// - of every sale, royalty + fee + seller's part = what was paid, and the balance covers everything that is owed;
/// - nobody pays more or less than the price they named, and only when it is still the listing's;
/// - a share moves only from the seller who listed it, while that seller owns it and approves this contract for this
///   one share: ERC-721 forgets such an approval when the share moves, so an old listing does not wake up by itself
///   when the share comes back (an approval for all shares would wake it, hence is not accepted);
/// - money is pulled by its owner later: a seller or artist that refuses ether stops nobody's purchase;
/// - a master that lies can harm only those who trade its own shares.
contract Market is ReentrancyGuardTransient {
    using SafeCast for uint256;

    /// @param seller 0 when nothing is listed
    /// @param price in wei
    struct Listing {
        address seller;
        uint96 price;
    }

    uint256 public constant FEE_BPS_MAX = 1000;
    uint256 private constant BPS = 10_000;

    address public immutable feeReceiver;
    /// @notice The platform's part of a resale, floored.
    uint256 public immutable feeBps;
    mapping(address master => mapping(uint256 tokenId => Listing)) public listings;
    /// @notice What each receiver may withdraw, in wei.
    mapping(address receiver => uint256) public owed;

    /// @dev A second one for the same share replaces the first.
    event Listed(address indexed master, uint256 indexed tokenId, address indexed seller, uint256 price);
    event Delisted(address indexed master, uint256 indexed tokenId, address indexed seller);
    event Sold(
        address indexed master,
        uint256 indexed tokenId,
        address seller,
        address indexed buyer,
        uint256 price,
        uint256 royalty,
        uint256 fee
    );
    event Withdrawn(address indexed receiver, uint256 amount);

    error WrongFee(uint256 feeBps);
    error ZeroAddress();
    error ZeroPrice();
    error NoRoyalties(address master);
    error NotOwner(address caller);
    error NotApproved(address master, uint256 tokenId);
    error NotListed(address master, uint256 tokenId);
    error NotSeller(address caller);
    error PriceChanged(uint256 price, uint256 offered);
    error WrongValue(uint256 sent, uint256 required);
    error PartsExceedPrice(uint256 royalty, uint256 fee, uint256 price);
    error NothingOwed(address receiver);

    constructor(address feeReceiver_, uint256 feeBps_) {
        if (feeReceiver_ == address(0)) revert ZeroAddress();
        if (feeBps_ > FEE_BPS_MAX) revert WrongFee(feeBps_);
        feeReceiver = feeReceiver_;
        feeBps = feeBps_;
    }

    /// @notice Offer one's own share, approved for this contract before, at a price; again to change the price.
    function list(address master, uint256 tokenId, uint256 price) external nonReentrant {
        if (price == 0) revert ZeroPrice();
        if (!ERC165Checker.supportsInterface(master, type(IERC2981).interfaceId)) revert NoRoyalties(master);
        if (IERC721(master).ownerOf(tokenId) != msg.sender) revert NotOwner(msg.sender);
        if (IERC721(master).getApproved(tokenId) != address(this)) revert NotApproved(master, tokenId);
        listings[master][tokenId] = Listing({seller: msg.sender, price: price.toUint96()});
        emit Listed(master, tokenId, msg.sender, price);
    }

    /// @notice Take an offer back; anybody may when its seller has the share or the approval no more.
    function cancel(address master, uint256 tokenId) external nonReentrant {
        Listing memory found = _found(master, tokenId);
        if (msg.sender != found.seller && _isLive(master, tokenId, found.seller)) revert NotSeller(msg.sender);
        delete listings[master][tokenId];
        emit Delisted(master, tokenId, found.seller);
    }

    /// @notice Buy a listed share, sending exactly the price.
    /// @param price what the buyer was shown: a seller cannot change it under a purchase on its way
    function buy(address master, uint256 tokenId, uint256 price) external payable nonReentrant {
        Listing memory found = _found(master, tokenId);
        if (price != found.price) revert PriceChanged(found.price, price);
        if (msg.value != price) revert WrongValue(msg.value, price);
        if (!_isLive(master, tokenId, found.seller)) revert NotListed(master, tokenId);
        delete listings[master][tokenId];
        (address artist, uint256 royalty) = IERC2981(master).royaltyInfo(tokenId, price);
        uint256 fee = Math.mulDiv(price, feeBps, BPS);
        if (royalty > price - fee) revert PartsExceedPrice(royalty, fee, price);
        owed[artist] += royalty;
        owed[feeReceiver] += fee;
        owed[found.seller] += price - royalty - fee;
        emit Sold(master, tokenId, found.seller, msg.sender, price, royalty, fee);
        IERC721(master).transferFrom(found.seller, msg.sender, tokenId);
    }

    /// @notice Send a receiver everything it is owed. Anybody may pay the gas for it.
    function withdraw(address payable receiver) external nonReentrant {
        uint256 amount = owed[receiver];
        if (amount == 0) revert NothingOwed(receiver);
        owed[receiver] = 0;
        emit Withdrawn(receiver, amount);
        Address.sendValue(receiver, amount);
    }

    function _found(address master, uint256 tokenId) private view returns (Listing memory found) {
        found = listings[master][tokenId];
        if (found.seller == address(0)) revert NotListed(master, tokenId);
    }

    /// @dev Whether the seller could still deliver.
    function _isLive(address master, uint256 tokenId, address seller) private view returns (bool) {
        IERC721 shares = IERC721(master);
        return shares.ownerOf(tokenId) == seller && shares.getApproved(tokenId) == address(this);
    }
}
