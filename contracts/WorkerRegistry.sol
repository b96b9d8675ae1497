// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IWorkerRegistry} from "./IWorkerRegistry.sol";

/// @title The accounts of workers and the peer keys that they name.
/// @dev Nobody owns it. Two accounts may name one key: only the one that the key names back counts.
contract WorkerRegistry is IWorkerRegistry {
    mapping(address account => bytes32) private _peerKeys;

    error ZeroPeerKey();
    error NotRegistered(address account);

    /// @inheritdoc IWorkerRegistry
    function register(bytes32 peerKey) external override {
        if (peerKey == 0) revert ZeroPeerKey();
        bytes32 earlier = _peerKeys[msg.sender];
        if (earlier != 0 && earlier != peerKey) emit WorkerUnregistered(msg.sender, earlier);
        _peerKeys[msg.sender] = peerKey;
        emit WorkerRegistered(msg.sender, peerKey);
    }

    /// @inheritdoc IWorkerRegistry
    function unregister() external override {
        bytes32 peerKey = _peerKeys[msg.sender];
        if (peerKey == 0) revert NotRegistered(msg.sender);
        delete _peerKeys[msg.sender];
        emit WorkerUnregistered(msg.sender, peerKey);
    }

    /// @inheritdoc IWorkerRegistry
    function peerKeyOf(address account) external view override returns (bytes32) {
        return _peerKeys[account];
    }

    /// @inheritdoc IWorkerRegistry
    function peerKeysOf(address[] calldata accounts) external view override returns (bytes32[] memory peerKeys) {
        peerKeys = new bytes32[](accounts.length);
        for (uint256 i = 0; i < accounts.length; i++) peerKeys[i] = _peerKeys[accounts[i]];
    }
}
