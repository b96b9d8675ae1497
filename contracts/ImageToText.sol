// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DataTypes} from "./DataTypes.sol";
import {Model} from "./Model.sol";

/// @title Reads the text in a picture.
/// @dev Input: a PNG or JPEG file, `abi.encode(bytes image)`, or its location, `abi.encode(string location)`.
/// Callback data: `abi.encode(string text)`, on chain, in reading order.
contract ImageToText is Model {
    error UnsupportedLocation(string location);

    constructor(Setup memory setup) Model(setup) {}

    function modelCategory() public pure override returns (DataTypes.ModelCategory) {
        return DataTypes.ModelCategory.ImageToText;
    }

    /// @param image The bytes of a PNG or JPEG file.
    /// @param callbackId Handed back with the answer.
    /// @param callbackFunction Of the caller: `(uint256 callbackId, bytes data)`.
    /// @param seed Any bytes; the same request with the same seed gives the same answer.
    function run(bytes calldata image, uint256 callbackId, bytes4 callbackFunction, bytes calldata seed)
        external
        payable
        returns (uint256 jobId)
    {
        return _read(abi.encode(image), DataTypes.InputDataLocationType.OnChain, callbackId, callbackFunction, seed);
    }

    /// @param location Of the file: `https://…` or `ipfs://…`.
    function runFromLocation(
        string calldata location,
        uint256 callbackId,
        bytes4 callbackFunction,
        bytes calldata seed
    ) external payable returns (uint256 jobId) {
        return _read(abi.encode(location), _locationType(location), callbackId, callbackFunction, seed);
    }

    function _read(
        bytes memory input,
        DataTypes.InputDataLocationType inputLocation,
        uint256 callbackId,
        bytes4 callbackFunction,
        bytes calldata seed
    ) private returns (uint256 jobId) {
        return _start(
            input,
            inputLocation,
            DataTypes.OutputDataLocationType.OnChain,
            DataTypes.OutputDataFormat.Raw,
            callbackId,
            callbackFunction,
            seed
        );
    }

    function _locationType(string calldata location) private pure returns (DataTypes.InputDataLocationType) {
        bytes calldata text = bytes(location);
        if (text.length > 8 && bytes8(text) == "https://") return DataTypes.InputDataLocationType.HTTPS;
        if (text.length > 7 && bytes7(text) == "ipfs://") return DataTypes.InputDataLocationType.IPFS;
        revert UnsupportedLocation(location);
    }
}
