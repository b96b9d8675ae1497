// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DataTypes} from "./DataTypes.sol";
import {Model} from "./Model.sol";
import {TextModel} from "./TextModel.sol";

/// @title Puts a text into a vector space, where texts of like meaning lie near each other.
/// @dev Input: `abi.encode(string text)`, or its location. Callback data, on chain: `abi.encode(int256[] embedding)`; each
/// component is multiplied by 1e18, because Solidity has no floats.
contract FeatureExtraction is TextModel {
    constructor(Setup memory setup) Model(setup) {}

    function modelCategory() public pure override returns (DataTypes.ModelCategory) {
        return DataTypes.ModelCategory.FeatureExtraction;
    }
}
