// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A master that lies, for tests: it promises any royalty, and calls back while it moves a share.
/// @dev As Attacker.sol: only in a test run's directory.
contract FakeMaster {
    address public owner;
    address public approved;
    address public artist;
    uint256 public royalty;
    address public target;
    bytes public payload;
    bool public succeeded;
    bytes public answer;

    function set(address owner_, address approved_, address artist_, uint256 royalty_) external {
        (owner, approved, artist, royalty) = (owner_, approved_, artist_, royalty_);
    }

    function arm(address target_, bytes calldata payload_) external {
        (target, payload) = (target_, payload_);
    }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id != 0xffffffff;
    }

    function ownerOf(uint256) external view returns (address) {
        return owner;
    }

    function getApproved(uint256) external view returns (address) {
        return approved;
    }

    function royaltyInfo(uint256, uint256) external view returns (address, uint256) {
        return (artist, royalty);
    }

    function transferFrom(address, address, uint256) external {
        if (payload.length != 0) (succeeded, answer) = target.call(payload);
    }
}
