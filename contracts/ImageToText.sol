// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DataTypes} from "./DataTypes.sol";
import {FileModel} from "./FileModel.sol";
import {Model} from "./Model.sol";

/// @title Reads the text in a picture.
/// @dev Input: a PNG or JPEG file, `abi.encode(bytes image)`, or its location, `abi.encode(string location)`.
/// Callback data: `abi.encode(string text)`, on chain, in reading order.
contract ImageToText is FileModel {
    constructor(Setup memory setup) Model(setup) {}

    function modelCategory() public pure override returns (DataTypes.ModelCategory) {
        return DataTypes.ModelCategory.ImageToText;
    }
}
