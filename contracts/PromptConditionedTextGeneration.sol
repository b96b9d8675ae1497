// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DataTypes} from "./DataTypes.sol";
import {Model} from "./Model.sol";

/// @title Continues a text.
/// @dev Input: `abi.encode(string prompt)`. Callback data: `abi.encode(string text)`, on chain.
contract PromptConditionedTextGeneration is Model {
    constructor(Setup memory setup) Model(setup) {}

    function modelCategory() public pure override returns (DataTypes.ModelCategory) {
        return DataTypes.ModelCategory.PromptConditionedTextGeneration;
    }

    /// @param callbackFunction Of the caller: `(uint256 callbackId, bytes data)`.
    function run(string calldata prompt, uint256 callbackId, bytes4 callbackFunction, bytes calldata seed)
        external
        payable
        returns (uint256 jobId)
    {
        return _start(
            abi.encode(prompt),
            DataTypes.InputDataLocationType.OnChain,
            DataTypes.OutputDataLocationType.OnChain,
            DataTypes.OutputDataFormat.Raw,
            callbackId,
            callbackFunction,
            seed
        );
    }
}
