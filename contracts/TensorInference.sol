// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DataTypes} from "./DataTypes.sol";
import {Model} from "./Model.sol";
import {TextModel} from "./TextModel.sol";

/// @title Runs any ONNX model on named tensors.
/// @dev Input: a request of the Open Inference Protocol, `abi.encode(string json)`, or its location:
/// `{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}`. Callback data, on chain:
/// `abi.encode(string json)` with `{"outputs": […]}`.
contract TensorInference is TextModel {
    constructor(Setup memory setup) Model(setup) {}

    function modelCategory() public pure override returns (DataTypes.ModelCategory) {
        return DataTypes.ModelCategory.TensorInference;
    }
}
