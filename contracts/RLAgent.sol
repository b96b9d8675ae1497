// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DataTypes} from "./DataTypes.sol";
import {Model} from "./Model.sol";

/// @title Plays a move in a game of the calling contract.
/// @dev Input: `abi.encode(address game, uint256 gameId)`: the worker reads the state from the caller. Seed: the
/// caller's address, 20 bytes. The callback's id is the game's. Callback data: the move as the game's architecture
/// writes it, on chain; TicTacToe: `abi.encode(uint256 x, uint256 y)` for `getGameBoard(uint256) returns (uint256[3][3])`.
contract RLAgent is Model {
    constructor(Setup memory setup) Model(setup) {}

    function modelCategory() public pure override returns (DataTypes.ModelCategory) {
        return DataTypes.ModelCategory.RLAgent;
    }

    /// @param callbackFunction Of the caller: `(uint256 gameId, bytes data)`.
    function run(uint256 gameId, bytes4 callbackFunction) external payable returns (uint256 jobId) {
        return _start(
            abi.encode(msg.sender, gameId),
            DataTypes.InputDataLocationType.OnChain,
            DataTypes.OutputDataLocationType.OnChain,
            DataTypes.OutputDataFormat.Raw,
            gameId,
            callbackFunction,
            abi.encodePacked(msg.sender)
        );
    }
}
