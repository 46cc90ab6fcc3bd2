// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC2981} from "@openzeppelin/contracts/token/common/ERC2981.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @notice What an IPO promises, fixed when its contract is deployed.
/// @param masterId the platform's UUID of the master, as a number
/// @param artist receives the sale's proceeds and every royalty; never changes
/// @param platform receives the sale's fee
/// @param admin grants roles and sets the base URI: a key that is not online
/// @param operator mints what was paid elsewhere, mints the reserve, opens and halts the sale: the online key
struct MasterTerms {
    bytes32 masterId;
    string name;
    string symbol;
    address artist;
    address platform;
    address admin;
    address operator;
    uint256 maxSupply;
    uint256 artistReserve;
    uint256 mintPrice;
    string baseURI;
}

/// @title The numbered shares of one master.
/// @notice Ids 1..publicSupply are sold in the order of minting; publicSupply+1..maxSupply are the artist's reserve, so
/// that the reserve takes no early (high royalty) id from a buyer.
/// @dev Invariants, each held by a test:
/// - public ids are dense from 1 and at most publicSupply; reserve ids are minted at most once and lie above it;
/// - a token's royalty depends on its id alone, and ids do not change: it is frozen at mint and no role can alter it;
/// - of every sale, fee + artist's part = what was paid, and the balance covers everything that is owed;
/// - no foreign code runs while shares are minted: `_mint` calls no receiver hook, and money is pulled by its owner
///   later (a fee receiver or artist that refuses ether stops nobody's purchase, only its own withdrawal);
/// - halting stops minting, never a transfer: nobody can freeze a share that somebody owns;
/// - the sale starts halted (a contract is visible on chain before its IPO opens); once closed it never opens again.
contract Master is ERC721, ERC2981, AccessControl, Pausable, ReentrancyGuardTransient {
    /// @notice May mint what was paid elsewhere (cards) and the reserve, and link the dividend contract.
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");
    /// @notice May halt, open and close the sale.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    /// @notice The platform's part of a primary sale: 2.5 %, floored.
    uint256 public constant FEE_BPS = 250;
    uint256 public constant SUPPLY_LIMIT = 1_000_000;
    uint256 private constant BPS = 10_000;

    bytes32 public immutable masterId;
    address public immutable artist;
    address public immutable platform;
    uint256 public immutable maxSupply;
    uint256 public immutable publicSupply;
    uint256 public immutable mintPrice;

    /// @notice How many public shares exist; the next one has the id after it.
    uint256 public publicMinted;
    /// @notice How many shares of the reserve exist.
    uint256 public reserveMinted;
    /// @notice Whether the primary sale has ended for ever: unsold shares are never minted.
    bool public closed;
    /// @notice Where this master's dividends are claimed; set once.
    address public dividendContract;
    /// @notice What each receiver may withdraw, in wei.
    mapping(address receiver => uint256) public owed;
    /// @notice Whether a purchase paid elsewhere has been minted.
    mapping(bytes32 purchaseId => bool) public purchaseMinted;
    string private _base;

    event MasterRegistered(
        bytes32 indexed masterId, address indexed artist, uint256 maxSupply, uint256 publicSupply, uint256 mintPrice
    );
    /// @param minter the first owner of the share
    /// @param price what it was sold for in wei; 0 for the reserve
    event Minted(address indexed minter, uint256 indexed tokenId, uint256 price);
    event PurchaseMinted(bytes32 indexed purchaseId, address indexed minter, uint256 firstId, uint256 count);
    event ProceedsSplit(uint256 fee, uint256 artistPart);
    event Withdrawn(address indexed receiver, uint256 amount);
    event DividendContractSet(address indexed dividendContract);
    event BaseURISet(string baseURI);
    event SaleClosed(uint256 publicMinted);

    error WrongSupply(uint256 maxSupply, uint256 artistReserve);
    error ZeroPrice();
    error ZeroAddress();
    error WrongValue(uint256 sent, uint256 required);
    error NothingToMint();
    error SoldOut(uint256 wanted, uint256 left);
    error SaleIsClosed();
    error NotReserve(uint256 firstId, uint256 lastId);
    error PurchaseAlreadyMinted(bytes32 purchaseId);
    error DividendContractAlreadySet(address dividendContract);
    error NothingOwed(address receiver);

    modifier whileOnSale() {
        _requireNotPaused();
        if (closed) revert SaleIsClosed();
        _;
    }

    constructor(MasterTerms memory terms) ERC721(terms.name, terms.symbol) {
        if (terms.maxSupply == 0 || terms.maxSupply > SUPPLY_LIMIT || terms.artistReserve >= terms.maxSupply) {
            revert WrongSupply(terms.maxSupply, terms.artistReserve);
        }
        if (terms.mintPrice == 0) revert ZeroPrice();
        if (terms.artist == address(0) || terms.platform == address(0)) revert ZeroAddress();
        if (terms.admin == address(0) || terms.operator == address(0)) revert ZeroAddress();
        masterId = terms.masterId;
        artist = terms.artist;
        platform = terms.platform;
        maxSupply = terms.maxSupply;
        publicSupply = terms.maxSupply - terms.artistReserve;
        mintPrice = terms.mintPrice;
        _base = terms.baseURI;
        _grantRole(DEFAULT_ADMIN_ROLE, terms.admin);
        _grantRole(MINTER_ROLE, terms.operator);
        _grantRole(PAUSER_ROLE, terms.operator);
        _pause();
        emit MasterRegistered(terms.masterId, terms.artist, terms.maxSupply, publicSupply, terms.mintPrice);
    }

    /// @notice Buy one share for `to`, at exactly the price.
    function mint(address to) external payable returns (uint256 tokenId) {
        return mintBatch(to, 1);
    }

    /// @notice Buy `count` shares for `to`, at exactly their price. Their ids follow one another.
    function mintBatch(address to, uint256 count) public payable whileOnSale nonReentrant returns (uint256 firstId) {
        uint256 total = count * mintPrice;
        if (msg.value != total) revert WrongValue(msg.value, total);
        firstId = _mintPublic(to, count);
        uint256 fee = Math.mulDiv(total, FEE_BPS, BPS);
        owed[platform] += fee;
        owed[artist] += total - fee;
        emit ProceedsSplit(fee, total - fee);
    }

    /// @notice Mint shares that were paid by card. A repeated purchase id reverts, so a retry cannot mint twice.
    function mintPurchased(bytes32 purchaseId, address to, uint256 count)
        external
        onlyRole(MINTER_ROLE)
        whileOnSale
        nonReentrant
        returns (uint256 firstId)
    {
        if (purchaseMinted[purchaseId]) revert PurchaseAlreadyMinted(purchaseId);
        purchaseMinted[purchaseId] = true;
        firstId = _mintPublic(to, count);
        emit PurchaseMinted(purchaseId, to, firstId, count);
    }

    /// @notice Mint ids firstId..lastId of the reserve; in several calls when it does not fit one block.
    function mintReserve(address to, uint256 firstId, uint256 lastId) external onlyRole(MINTER_ROLE) nonReentrant {
        if (firstId <= publicSupply || lastId > maxSupply || firstId > lastId) revert NotReserve(firstId, lastId);
        reserveMinted += lastId - firstId + 1;
        for (uint256 id = firstId; id <= lastId; ++id) {
            _mint(to, id); // reverts for an id that exists
            emit Minted(to, id, 0);
        }
    }

    /// @notice Send a receiver everything it is owed. Anybody may pay the gas for it.
    function withdraw(address payable receiver) external nonReentrant {
        uint256 amount = owed[receiver];
        if (amount == 0) revert NothingOwed(receiver);
        owed[receiver] = 0;
        emit Withdrawn(receiver, amount);
        Address.sendValue(receiver, amount);
    }

    /// @notice Say where dividends are claimed; once, so that holders cannot be led elsewhere later.
    function setDividendContract(address dividendContract_) external onlyRole(MINTER_ROLE) {
        if (dividendContract != address(0)) revert DividendContractAlreadySet(dividendContract);
        if (dividendContract_ == address(0)) revert ZeroAddress();
        dividendContract = dividendContract_;
        emit DividendContractSet(dividendContract_);
    }

    function setBaseURI(string calldata baseURI) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _base = baseURI;
        emit BaseURISet(baseURI);
    }

    /// @notice Halt minting (not transfers).
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    /// @notice Open the sale, or go on with it.
    function unpause() external onlyRole(PAUSER_ROLE) {
        _unpause();
    }

    /// @notice End the primary sale for ever.
    function closeSale() external onlyRole(PAUSER_ROLE) {
        if (closed) revert SaleIsClosed();
        closed = true;
        emit SaleClosed(publicMinted);
    }

    /// @notice What a resale at `price` pays the artist: floor(price × bps / 10000).
    function royaltyInfo(uint256 tokenId, uint256 price) public view override returns (address, uint256) {
        return (artist, Math.mulDiv(price, royaltyBps(tokenId), BPS));
    }

    /// @notice The royalty of an existing share, in basis points: its Mover Advantage.
    function royaltyBps(uint256 tokenId) public view returns (uint256) {
        _requireOwned(tokenId);
        if (tokenId <= 10) return 1000;
        if (tokenId <= 50) return 500;
        if (tokenId <= 100) return 300;
        return 100;
    }

    /// @notice How many shares exist.
    function totalSupply() external view returns (uint256) {
        return publicMinted + reserveMinted;
    }

    function supportsInterface(bytes4 id) public view override(ERC721, ERC2981, AccessControl) returns (bool) {
        return super.supportsInterface(id);
    }

    function _mintPublic(address to, uint256 count) private returns (uint256 firstId) {
        if (count == 0) revert NothingToMint();
        uint256 minted = publicMinted;
        if (count > publicSupply - minted) revert SoldOut(count, publicSupply - minted);
        publicMinted = minted + count;
        firstId = minted + 1;
        for (uint256 id = firstId; id < firstId + count; ++id) {
            _mint(to, id);
            emit Minted(to, id, mintPrice);
        }
    }

    function _baseURI() internal view override returns (string memory) {
        return _base;
    }
}
