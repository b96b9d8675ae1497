// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DataTypes} from "./DataTypes.sol";
import {FileModel} from "./FileModel.sol";
import {Model} from "./Model.sol";

/// @title Writes down what is said.
/// @dev Input: a WAV file, `abi.encode(bytes audio)`, or its location. Callback data: `abi.encode(string text)`, on chain.
contract SpeechRecognition is FileModel {
    constructor(Setup memory setup) Model(setup) {}

    function modelCategory() public pure override returns (DataTypes.ModelCategory) {
        return DataTypes.ModelCategory.SpeechRecognition;
    }
}
