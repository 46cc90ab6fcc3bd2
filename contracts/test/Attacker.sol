// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A wallet that misbehaves, for tests: it refuses ether, or calls back while it is being paid.
/// @dev Never deployed anywhere else; compiled by `build.mjs --tests` into a directory of the test run.
contract Attacker {
    bool public refuses;
    address public target;
    bytes public payload;
    bool public swallows;
    uint256 public calledBack;
    bool public succeeded;
    bytes public answer;
    uint256 public hooks;

    error Refused();

    function refuse(bool refuses_) external {
        refuses = refuses_;
    }

    /// @param swallows_ whether a failed call back is hidden, so that the outer call goes on
    function arm(address target_, bytes calldata payload_, bool swallows_) external {
        (target, payload, swallows) = (target_, payload_, swallows_);
    }

    /// @notice Call something as this contract.
    function act(address to, bytes calldata data) external payable {
        (bool done, bytes memory found) = to.call{value: msg.value}(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(found, 32), mload(found))
            }
        }
    }

    receive() external payable {
        if (refuses) revert Refused();
        if (payload.length != 0 && calledBack == 0) {
            ++calledBack;
            (succeeded, answer) = target.call(payload);
            if (!succeeded && !swallows) revert Refused();
        }
    }

    function onERC721Received(address, address, uint256, bytes calldata) external returns (bytes4) {
        ++hooks;
        return this.onERC721Received.selector;
    }
}
