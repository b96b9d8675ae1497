// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DataTypes} from "./DataTypes.sol";
import {Model} from "./Model.sol";

/// @title Makes a picture from nothing but a seed.
/// @dev Input: empty. Callback data: `abi.encode(string location)` of the picture (`Raw`) or of its ERC-721
/// metadata (`NFTMeta`). A picture is too large for the chain, so the output never lies there.
contract UnconditionalImageGeneration is Model {
    /// Where the pictures of this model go.
    DataTypes.OutputDataLocationType public outputDataLocationType;

    error OutputMustHaveLocation();

    constructor(Setup memory setup, DataTypes.OutputDataLocationType outputLocation) Model(setup) {
        if (outputLocation == DataTypes.OutputDataLocationType.OnChain) revert OutputMustHaveLocation();
        outputDataLocationType = outputLocation;
    }

    function modelCategory() public pure override returns (DataTypes.ModelCategory) {
        return DataTypes.ModelCategory.UnconditionalImageGeneration;
    }

    /// @param callbackFunction Of the caller: `(uint256 callbackId, bytes data)`.
    function run(uint256 callbackId, bytes4 callbackFunction, bytes calldata seed, DataTypes.OutputDataFormat format)
        external
        payable
        returns (uint256 jobId)
    {
        return _start(
            "",
            DataTypes.InputDataLocationType.OnChain,
            outputDataLocationType,
            format,
            callbackId,
            callbackFunction,
            seed
        );
    }
}
