// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DataTypes} from "./DataTypes.sol";
import {LocationModel} from "./LocationModel.sol";

/// @title What all models share that read a file and answer on chain.
/// @dev Input: `abi.encode(bytes file)`, or its location.
abstract contract FileModel is LocationModel {
    /// @param file The bytes of the file.
    /// @param callbackId Handed back with the answer.
    /// @param callbackFunction Of the caller: `(uint256 callbackId, bytes data)`.
    /// @param seed Any bytes; the same request with the same seed gives the same answer.
    function run(bytes calldata file, uint256 callbackId, bytes4 callbackFunction, bytes calldata seed)
        external
        payable
        returns (uint256 jobId)
    {
        return _ask(abi.encode(file), DataTypes.InputDataLocationType.OnChain, callbackId, callbackFunction, seed);
    }
}
