// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DataTypes} from "./DataTypes.sol";

/// @title The contract between clients' models and the network of workers.
interface IOracle {
    /// `Open` until one submission finalises it; `Succeeded` and `Failed` are final.
    enum JobStatus {
        None,
        Open,
        Succeeded,
        Failed
    }

    /// The answer to one item of a batch of submissions. `ReasonTooLarge` stands for the receipt, too.
    enum SubmissionStatus {
        Accepted,
        UnknownJob,
        AlreadyFinal,
        WrongRequest,
        PastDeadline,
        OutputTooLarge,
        ReasonTooLarge
    }

    /// What a model contract asks for on behalf of its caller.
    struct JobRequest {
        DataTypes.ModelCategory modelCategory;
        bytes seed;
        string modelConfigLocation;
        DataTypes.InputDataLocationType inputDataLocationType;
        bytes input;
        DataTypes.OutputDataLocationType outputDataLocationType;
        DataTypes.OutputDataFormat outputDataFormat;
        address callbackAddress;
        uint256 callbackId;
        bytes4 callbackFunction;
    }

    /// One result as a worker submits it. `requestHash` is the one of `JobCreated`, so that a
    /// result can never finalise another request that a reorg put under the same `jobId`.
    struct Submission {
        uint256 jobId;
        bytes32 requestHash;
        bool success;
        /// ABI-encoded output of the task; empty on failure.
        bytes output;
        /// A code of docs/errors.md on failure; 0 on success.
        uint16 failureCode;
        /// For people, on failure; empty on success.
        string failureReason;
        /// Runtime, versions and output hash (see docs/protocol.md); at most 1,024 bytes.
        bytes receipt;
    }

    /// `requestHash` = keccak256(abi.encode(chainid, oracle, jobId, model, keccak256(abi.encode(JobRequest)), redundancy)).
    event JobCreated(
        uint256 indexed jobId,
        address indexed model,
        address indexed callbackAddress,
        DataTypes.ModelCategory modelCategory,
        bytes seed,
        string modelConfigLocation,
        DataTypes.InputDataLocationType inputDataLocationType,
        bytes input,
        DataTypes.OutputDataLocationType outputDataLocationType,
        DataTypes.OutputDataFormat outputDataFormat,
        uint256 createdTimestamp,
        uint256 deadline,
        uint256 payment,
        uint8 redundancy,
        bytes32 requestHash
    );
    event JobSucceeded(uint256 indexed jobId, address indexed worker, bytes output, bytes receipt);
    event JobFailed(uint256 indexed jobId, address indexed worker, uint16 code, string reason, bytes receipt);
    /// `returnData` holds at most the first 256 bytes of what the callback returned or reverted with.
    event CallbackCalled(uint256 indexed jobId, address indexed callbackAddress, bool success, bytes returnData);
    event SubmissionRefused(uint256 indexed jobId, address indexed worker, SubmissionStatus status);
    /// A part of a job's payment now belongs to `account`, and waits for `withdraw`.
    event Credited(address indexed account, uint256 indexed jobId, uint256 amount);
    event Withdrawn(address indexed account, address indexed to, uint256 amount);
    /// `price`: the model's own part, in wei. Its first version is 1.
    event ModelRegistered(
        address indexed model,
        address indexed owner,
        DataTypes.ModelCategory modelCategory,
        string manifestLocation,
        uint256 price
    );
    /// `price`: the model's own part, in wei. Also emitted for a price change, with the same `version`.
    event ModelUpdated(address indexed model, uint256 version, string manifestLocation, uint256 price);

    /// Called by a registered model contract, with at least `price()`; the value beyond it is the model's price, held with
    /// the job. A model whose code the oracle's owner has not approved can name only itself as the callback address.
    function startJob(JobRequest calldata request) external payable returns (uint256 jobId);

    /// Called by a registered worker. Reverts only if the caller is not registered or leaves too little gas
    /// for the callbacks; otherwise each item is answered on its own.
    function submitResults(Submission[] calldata submissions) external returns (SubmissionStatus[] memory);

    /// Fails a job whose deadline has passed without a result, for anyone: its payment goes back to the client.
    function reclaim(uint256 jobId) external;

    /// Sends `amount` wei of the caller's credit to `to`.
    function withdraw(address payable to, uint256 amount) external;

    /// Sends all credit of `account` to `account`, for anyone: for contracts that can take ether, but cannot ask for it.
    function withdrawFor(address payable account) external;

    /// What `withdraw` can still send, in wei.
    function creditOf(address account) external view returns (uint256);

    /// `None` for ids that do not exist.
    function jobStatuses(uint256[] calldata jobIds) external view returns (JobStatus[] memory);

    /// The oracle's own price for one inference, in wei.
    function price() external view returns (uint256);

    /// The ids run from 1 to `jobCount`.
    function jobCount() external view returns (uint256);

    /// Called once by a model contract, in its constructor. `modelPrice`: the model's own part.
    function registerModel(
        address owner,
        DataTypes.ModelCategory modelCategory,
        string calldata manifestLocation,
        uint256 modelPrice
    ) external;

    /// Called by a model contract after each change.
    function updateModel(uint256 version, string calldata manifestLocation, uint256 modelPrice) external;

    function isRegistered(address model) external view returns (bool);
}

/// @title What a client may implement to hear of failures. Called with a gas cap; a revert changes nothing.
interface IJobFailureReceiver {
    function onJobFailed(uint256 callbackId, uint16 code, string calldata reason) external;
}
