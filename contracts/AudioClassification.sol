// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DataTypes} from "./DataTypes.sol";
import {FileModel} from "./FileModel.sol";
import {Model} from "./Model.sol";

/// @title Says what a sound is, or when somebody speaks in it.
/// @dev Input: a WAV file, `abi.encode(bytes audio)`, or its location. Callback data, on chain:
/// `abi.encode(string[] labels, int256[] scores, uint256[] startsMs, uint256[] endsMs)`; a score is multiplied by 1e18,
/// because Solidity has no floats.
contract AudioClassification is FileModel {
    constructor(Setup memory setup) Model(setup) {}

    function modelCategory() public pure override returns (DataTypes.ModelCategory) {
        return DataTypes.ModelCategory.AudioClassification;
    }
}
