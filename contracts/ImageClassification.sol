// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DataTypes} from "./DataTypes.sol";
import {FileModel} from "./FileModel.sol";
import {Model} from "./Model.sol";

/// @title Says what a picture shows.
/// @dev Input: a PNG or JPEG file, `abi.encode(bytes image)`, or its location. Callback data, on chain:
/// `abi.encode(string[] labels, int256[] scores)`, the best first; a score is
/// multiplied by 1e18, because Solidity has no floats.
contract ImageClassification is FileModel {
    constructor(Setup memory setup) Model(setup) {}

    function modelCategory() public pure override returns (DataTypes.ModelCategory) {
        return DataTypes.ModelCategory.ImageClassification;
    }
}
