// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DataTypes} from "./DataTypes.sol";
import {Model} from "./Model.sol";
import {TextModel} from "./TextModel.sol";

/// @title Says which label fits a text.
/// @dev Input: `abi.encode(string text)`, or its location. Callback data, on chain:
/// `abi.encode(string[] labels, int256[] scores)`, the best first; a score is
/// multiplied by 1e18, because Solidity has no floats.
contract TextClassification is TextModel {
    constructor(Setup memory setup) Model(setup) {}

    function modelCategory() public pure override returns (DataTypes.ModelCategory) {
        return DataTypes.ModelCategory.TextClassification;
    }
}
