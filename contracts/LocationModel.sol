// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DataTypes} from "./DataTypes.sol";
import {Model} from "./Model.sol";

/// @title What all models share whose input may lie elsewhere, and whose answer goes on chain.
/// @dev Input: as the task encodes it, or its location, `abi.encode(string location)`.
abstract contract LocationModel is Model {
    error UnsupportedLocation(string location);

    /// @param location Of the input, as a file: `https://…`, `ipfs://…` or `ar://…` (Arweave). Or a GraphQL query,
    /// `{ … }`, which the network's subgraph answers as of the job's block: the input is the JSON of its data.
    /// @param callbackId Handed back with the answer.
    /// @param callbackFunction Of the caller: `(uint256 callbackId, bytes data)`.
    /// @param seed Any bytes; the same request with the same seed gives the same answer.
    function runFromLocation(
        string calldata location,
        uint256 callbackId,
        bytes4 callbackFunction,
        bytes calldata seed
    ) external payable returns (uint256 jobId) {
        return _ask(abi.encode(location), _locationType(location), callbackId, callbackFunction, seed);
    }

    function _ask(
        bytes memory input,
        DataTypes.InputDataLocationType inputLocation,
        uint256 callbackId,
        bytes4 callbackFunction,
        bytes calldata seed
    ) internal returns (uint256 jobId) {
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
        if (text.length > 5 && bytes5(text) == "ar://") return DataTypes.InputDataLocationType.Arweave;
        if (text.length > 2 && text[0] == "{") return DataTypes.InputDataLocationType.TheGraph;
        revert UnsupportedLocation(location);
    }
}
