// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Answers a worker that reads its board with whatever does harm. For tests only.
contract HostileBoards {
    uint256 private _value;

    function setValue(uint256 next) external {
        _value = next;
    }

    /// Honest: what was set last.
    function value() external view returns (uint256) {
        return _value;
    }

    /// In words that endpoints use where they are asked too often.
    function refusing() external pure {
        revert("too many requests, rate limit exceeded");
    }

    function burning() external pure {
        assembly {
            for {} 1 {} {}
        }
    }

    function invalid() external pure {
        assembly {
            invalid()
        }
    }

    function huge() external pure {
        assembly {
            return(0, 1048576)
        }
    }

    function silent() external pure {}

    /// How much gas it is given.
    function remaining() external view returns (uint256) {
        return gasleft();
    }
}
