// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DataTypes} from "./DataTypes.sol";
import {Model} from "./Model.sol";

/// @title Puts a text and a picture into one vector space.
/// @dev Input: `abi.encode(string text, bytes image)`; either may be empty, not both. Callback data, on chain:
/// `abi.encode(int256[] textEmbedding, int256[] imageEmbedding)`. Solidity has no floats: each component is
/// multiplied by 1e18 and rounded. Each vector has length 1, so the sum of the products of the components,
/// divided by 1e36, is how alike text and picture are (-1 to 1). The vector of an empty side is empty.
contract TextImageJointEmbedding is Model {
    error NothingToEmbed();

    constructor(Setup memory setup) Model(setup) {}

    function modelCategory() public pure override returns (DataTypes.ModelCategory) {
        return DataTypes.ModelCategory.TextImageJointEmbedding;
    }

    /// @param image The bytes of a PNG or JPEG file, or empty.
    /// @param callbackFunction Of the caller: `(uint256 callbackId, bytes data)`.
    function run(
        string calldata text,
        bytes calldata image,
        uint256 callbackId,
        bytes4 callbackFunction,
        bytes calldata seed
    ) external payable returns (uint256 jobId) {
        if (bytes(text).length == 0 && image.length == 0) revert NothingToEmbed();
        return _start(
            abi.encode(text, image),
            DataTypes.InputDataLocationType.OnChain,
            DataTypes.OutputDataLocationType.OnChain,
            DataTypes.OutputDataFormat.Raw,
            callbackId,
            callbackFunction,
            seed
        );
    }
}
