// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @title What the holders of one master's shares are paid.
/// @notice Revenue is deposited; an epoch sets aside a part of it and publishes who gets how much (a Merkle root);
/// each wallet claims its part. Nothing expires, and nothing here can be halted: no role can keep a claim from being paid.
/// @dev Invariants, each held by a test:
/// - the parts set aside never exceed what was deposited;
/// - the claims of an epoch never exceed what it set aside, even when its root promises more: a wrong root can starve
///   its own epoch, never another one;
/// - hence paid <= set aside <= deposited, and the balance always covers the difference;
/// - a wallet is paid at most once per epoch, before it gets control, and a wallet that refuses ether harms only itself.
/// What the chain cannot check is that the root is right: it is computed from a snapshot anybody can repeat.
contract Dividend is AccessControl, ReentrancyGuardTransient {
    using SafeCast for uint256;

    /// @notice May publish roots.
    bytes32 public constant ALLOCATOR_ROLE = keccak256("ALLOCATOR_ROLE");

    /// @param root of the tree of (this contract, epoch, wallet, amount)
    /// @param total set aside for this epoch, in wei
    /// @param paid of it so far
    struct Epoch {
        bytes32 root;
        uint128 total;
        uint128 paid;
    }

    /// @notice The master contract whose shares these dividends belong to.
    address public immutable master;
    /// @notice Everything ever deposited, in wei.
    uint256 public totalRevenueReceived;
    /// @notice Everything set aside by epochs, in wei.
    uint256 public totalAllocated;
    /// @notice Everything ever claimed, in wei.
    uint256 public totalDividendsPaid;
    mapping(uint256 epoch => Epoch) public epochs;
    mapping(uint256 epoch => mapping(address wallet => bool)) public hasClaimed;
    /// @notice What a depositor paid in under an id of its own books.
    mapping(address depositor => mapping(bytes32 payoutId => uint256)) public deposited;

    event RevenueDeposited(address indexed depositor, bytes32 indexed payoutId, uint256 amount, string source);
    event RootSet(uint256 indexed epoch, bytes32 root, uint256 total);
    event RootWithdrawn(uint256 indexed epoch, bytes32 root, uint256 total);
    event DividendClaimed(uint256 indexed epoch, address indexed wallet, uint256 amount);

    error ZeroAddress();
    error NothingDeposited();
    error AlreadyDeposited(address depositor, bytes32 payoutId);
    error EmptyRoot();
    error EpochExists(uint256 epoch);
    error EpochUnknown(uint256 epoch);
    error EpochHasClaims(uint256 epoch, uint256 paid);
    error NotCovered(uint256 wanted, uint256 available);
    error AlreadyClaimed(uint256 epoch, address wallet);
    error WrongProof(uint256 epoch, address wallet, uint256 amount);
    error EpochExhausted(uint256 epoch, uint256 wanted, uint256 left);

    constructor(address master_, address admin, address allocator) {
        if (master_ == address(0) || admin == address(0) || allocator == address(0)) revert ZeroAddress();
        master = master_;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(ALLOCATOR_ROLE, allocator);
    }

    /// @notice Pay in, under an id that can be used once: a repeated deposit reverts and returns its ether.
    function depositRevenue(bytes32 payoutId) external payable {
        _deposit(payoutId, "");
    }

    /// @notice The same, saying where the money came from (STREAMING, SYNC, ...).
    function depositRevenueWithSource(bytes32 payoutId, string calldata source) external payable {
        _deposit(payoutId, source);
    }

    /// @notice Set `total` wei aside for an epoch and say, by a root, who gets it.
    function setRoot(uint256 epoch, bytes32 root, uint256 total) external onlyRole(ALLOCATOR_ROLE) {
        if (root == bytes32(0) || total == 0) revert EmptyRoot();
        if (epochs[epoch].root != bytes32(0)) revert EpochExists(epoch);
        uint256 available = totalRevenueReceived - totalAllocated;
        if (total > available) revert NotCovered(total, available);
        totalAllocated += total;
        epochs[epoch] = Epoch({root: root, total: total.toUint128(), paid: 0});
        emit RootSet(epoch, root, total);
    }

    /// @notice Take back a wrong root while nobody has claimed from it, so that its money is not locked for ever.
    function withdrawRoot(uint256 epoch) external onlyRole(DEFAULT_ADMIN_ROLE) {
        Epoch memory found = epochs[epoch];
        if (found.root == bytes32(0)) revert EpochUnknown(epoch);
        if (found.paid != 0) revert EpochHasClaims(epoch, found.paid);
        totalAllocated -= found.total;
        delete epochs[epoch];
        emit RootWithdrawn(epoch, found.root, found.total);
    }

    /// @notice Take what an epoch holds for the caller.
    function claim(uint256 epoch, uint256 amount, bytes32[] calldata proof) external {
        claimFor(msg.sender, epoch, amount, proof);
    }

    /// @notice Pay a wallet its part; anybody may pay the gas. The money goes to the wallet alone.
    function claimFor(address wallet, uint256 epoch, uint256 amount, bytes32[] calldata proof) public nonReentrant {
        Epoch storage found = epochs[epoch];
        if (hasClaimed[epoch][wallet]) revert AlreadyClaimed(epoch, wallet);
        if (!MerkleProof.verifyCalldata(proof, found.root, leaf(epoch, wallet, amount))) {
            revert WrongProof(epoch, wallet, amount);
        }
        uint256 left = found.total - found.paid;
        if (amount > left) revert EpochExhausted(epoch, amount, left);
        hasClaimed[epoch][wallet] = true;
        found.paid += amount.toUint128();
        totalDividendsPaid += amount;
        emit DividendClaimed(epoch, wallet, amount);
        Address.sendValue(payable(wallet), amount);
    }

    /// @notice The leaf of one wallet's part. Hashed twice (an inner node of the tree cannot pass for a leaf) and bound to
    /// this contract and epoch (a proof is good nowhere else): OpenZeppelin's standard tree over
    /// ["address", "uint256", "address", "uint256"].
    function leaf(uint256 epoch, address wallet, uint256 amount) public view returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(address(this), epoch, wallet, amount))));
    }

    function _deposit(bytes32 payoutId, string memory source) private {
        if (msg.value == 0) revert NothingDeposited();
        if (deposited[msg.sender][payoutId] != 0) revert AlreadyDeposited(msg.sender, payoutId);
        deposited[msg.sender][payoutId] = msg.value;
        totalRevenueReceived += msg.value;
        emit RevenueDeposited(msg.sender, payoutId, msg.value, source);
    }
}
