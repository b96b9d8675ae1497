// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Binds a worker's Ethereum account to its libp2p peer key.
/// @dev An account names a key; the key's signed presence message names the account. Only both together
/// count, so neither can claim the other, and nobody gains by registering a stranger's key.
interface IWorkerRegistry {
    event WorkerRegistered(address indexed account, bytes32 indexed peerKey);
    event WorkerUnregistered(address indexed account, bytes32 indexed peerKey);

    /// `peerKey`: the raw 32-byte Ed25519 public key. Replaces the account's earlier key.
    function register(bytes32 peerKey) external;
    function unregister() external;

    /// Zero where the account is not registered.
    function peerKeyOf(address account) external view returns (bytes32);
    function peerKeysOf(address[] calldata accounts) external view returns (bytes32[] memory);
}
