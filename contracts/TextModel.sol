// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DataTypes} from "./DataTypes.sol";
import {LocationModel} from "./LocationModel.sol";

/// @title What all models share that read a text and answer on chain.
/// @dev Input: `abi.encode(string text)`, or its location.
abstract contract TextModel is LocationModel {
    /// @param callbackId Handed back with the answer.
    /// @param callbackFunction Of the caller: `(uint256 callbackId, bytes data)`.
    /// @param seed Any bytes; the same request with the same seed gives the same answer.
    function run(string calldata text, uint256 callbackId, bytes4 callbackFunction, bytes calldata seed)
        external
        payable
        returns (uint256 jobId)
    {
        return _ask(abi.encode(text), DataTypes.InputDataLocationType.OnChain, callbackId, callbackFunction, seed);
    }
}
