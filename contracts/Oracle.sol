// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {DataTypes} from "./DataTypes.sol";
import {IJobFailureReceiver, IOracle} from "./IOracle.sol";
import {IWorkerRegistry} from "./IWorkerRegistry.sol";

/// @title Takes requests from models, results from workers, and gives each result to its client.
/// @notice Money. A job's payment is held until the job is final, then credited once:
/// - success: the oracle's price to the worker that submitted, the rest to the model contract;
/// - failure, or `reclaim` after the deadline: all of it to the client.
/// Credits wait for `withdraw`. The owner of this contract can touch none of it.
/// @dev Whoever a callback is made to has asked for it: a model whose code the owner has not approved can
/// name nobody but itself as the callback address. Without this rule anyone could register a model of their own
/// and have this contract call any client with any answer.
contract Oracle is IOracle, Ownable, ReentrancyGuardTransient {
    /// What the owner may change. One storage slot.
    struct Settings {
        /// The oracle's own price for one inference, in wei. Goes to the worker.
        uint96 price;
        /// From a job's creation to its deadline.
        uint32 jobTimeoutSeconds;
        /// What each callback may use.
        uint32 callbackGasLimit;
        uint32 maxInputBytes;
        uint32 maxOutputBytes;
        uint16 maxReasonBytes;
    }

    /// One job. Input and output are in the events only.
    struct Job {
        bytes32 requestHash;
        address callbackAddress;
        bytes4 callbackFunction;
        /// Unix seconds; a submission in a block of this very second still counts.
        uint48 deadline;
        JobStatus status;
        uint256 callbackId;
        address model;
        uint96 modelPayment;
        uint96 oraclePayment;
    }

    /// Enough for the receipt of docs/protocol.md, which takes about 300.
    uint256 public constant MAX_RECEIPT_BYTES = 1024;
    /// A seed is entropy or an address: 32 bytes are usual.
    uint256 public constant MAX_SEED_BYTES = 1024;
    /// As long as the URLs that browsers and gateways take.
    uint256 public constant MAX_LOCATION_BYTES = 2048;
    /// The bound of the bounds of input and output: what a block of 30 million gas carries.
    uint256 public constant MAX_DATA_BYTES = 512 * 1024;
    /// How many independent results a job is given.
    uint8 public constant REDUNDANCY = 1;
    /// How much of a callback's return data is kept.
    uint256 private constant MAX_RETURN_BYTES = 256;
    /// Gas kept back for the CALL itself (2,600 for a cold account) and for what follows a callback: an event with
    /// `MAX_RETURN_BYTES` (5,000), the bookkeeping of the loop and the return.
    uint256 private constant CALLBACK_RESERVE_GAS = 50_000;
    /// src/interface/errors.ts, FailureCode.Timeout
    uint16 private constant FAILURE_TIMEOUT = 7;

    IWorkerRegistry public immutable registry;
    Settings private _settings;
    uint256 public override jobCount;
    mapping(uint256 jobId => Job) private _jobs;
    mapping(address model => bool) private _registered;
    mapping(bytes32 codeHash => bool) private _approvedCode;
    mapping(address account => uint256) private _credits;

    event SettingsChanged(Settings settings);
    event ModelCodeApproved(bytes32 indexed codeHash, bool approved);

    error ModelNotRegistered(address model);
    error ModelAlreadyRegistered(address model);
    error ModelCodeNotApproved(address model, bytes32 codeHash);
    error PaymentTooLow(uint256 paid, uint256 price);
    error PaymentTooHigh(uint256 paid);
    /// `field` names the argument.
    error TooLarge(string field, uint256 size, uint256 limit);
    /// `field` names the setting.
    error SettingOutOfBounds(string field, uint256 value);
    error NotRegistered(address worker);
    /// Too little is left to give a callback its full gas: send the transaction with more.
    error InsufficientGas(uint256 left, uint256 needed);
    error JobNotOpen(uint256 jobId);
    error DeadlineNotPassed(uint256 jobId, uint256 deadline);
    error CreditTooLow(uint256 credit, uint256 amount);
    error TransferFailed(address to, uint256 amount);
    error NoCode(address account);

    constructor(address initialOwner, IWorkerRegistry workerRegistry, Settings memory initialSettings) Ownable(initialOwner) {
        if (address(workerRegistry).code.length == 0) revert NoCode(address(workerRegistry));
        registry = workerRegistry;
        _setSettings(initialSettings);
    }

    // ---- Requests -------------------------------------------------------------------------------------------------

    /// @inheritdoc IOracle
    function startJob(JobRequest calldata request) external payable override returns (uint256 jobId) {
        Settings memory limits = _settings;
        _checkRequest(request, limits);

        jobId = ++jobCount;
        bytes32 requestHash = keccak256(
            abi.encode(block.chainid, address(this), jobId, msg.sender, keccak256(abi.encode(request)), REDUNDANCY)
        );
        uint48 deadline = uint48(block.timestamp + limits.jobTimeoutSeconds);
        _jobs[jobId] = Job({
            requestHash: requestHash,
            callbackAddress: request.callbackAddress,
            callbackFunction: request.callbackFunction,
            deadline: deadline,
            status: JobStatus.Open,
            callbackId: request.callbackId,
            model: msg.sender,
            modelPayment: uint96(msg.value) - limits.price,
            oraclePayment: limits.price
        });
        emit JobCreated({
            jobId: jobId,
            model: msg.sender,
            callbackAddress: request.callbackAddress,
            modelCategory: request.modelCategory,
            seed: request.seed,
            modelConfigLocation: request.modelConfigLocation,
            inputDataLocationType: request.inputDataLocationType,
            input: request.input,
            outputDataLocationType: request.outputDataLocationType,
            outputDataFormat: request.outputDataFormat,
            createdTimestamp: block.timestamp,
            deadline: deadline,
            payment: msg.value,
            redundancy: REDUNDANCY,
            requestHash: requestHash
        });
    }

    function _checkRequest(JobRequest calldata request, Settings memory limits) private view {
        if (!_registered[msg.sender]) revert ModelNotRegistered(msg.sender);
        if (request.callbackAddress != msg.sender && !_approvedCode[msg.sender.codehash]) {
            revert ModelCodeNotApproved(msg.sender, msg.sender.codehash);
        }
        if (msg.value < limits.price) revert PaymentTooLow(msg.value, limits.price);
        if (msg.value > type(uint96).max) revert PaymentTooHigh(msg.value);
        _checkSize("input", request.input.length, limits.maxInputBytes);
        _checkSize("seed", request.seed.length, MAX_SEED_BYTES);
        _checkSize("modelConfigLocation", bytes(request.modelConfigLocation).length, MAX_LOCATION_BYTES);
    }

    // ---- Results --------------------------------------------------------------------------------------------------

    /// @inheritdoc IOracle
    function submitResults(Submission[] calldata submissions)
        external
        override
        nonReentrant
        returns (SubmissionStatus[] memory statuses)
    {
        if (registry.peerKeyOf(msg.sender) == 0) revert NotRegistered(msg.sender);
        statuses = new SubmissionStatus[](submissions.length);
        for (uint256 i = 0; i < submissions.length; i++) {
            Submission calldata submission = submissions[i];
            SubmissionStatus status = _checkSubmission(submission);
            statuses[i] = status;
            if (status != SubmissionStatus.Accepted) {
                emit SubmissionRefused(submission.jobId, msg.sender, status);
            } else if (submission.success) {
                _succeed(submission.jobId, submission.output, submission.receipt);
            } else {
                _fail(submission.jobId, msg.sender, submission.failureCode, submission.failureReason, submission.receipt);
            }
        }
    }

    /// @inheritdoc IOracle
    function reclaim(uint256 jobId) external override nonReentrant {
        Job storage job = _jobs[jobId];
        if (job.status != JobStatus.Open) revert JobNotOpen(jobId);
        if (block.timestamp <= job.deadline) revert DeadlineNotPassed(jobId, job.deadline);
        _fail(jobId, address(0), FAILURE_TIMEOUT, "no result before the deadline", "");
    }

    /// The request is compared first: after a reorg, another request under the same id says nothing of this one.
    function _checkSubmission(Submission calldata submission) private view returns (SubmissionStatus) {
        Job storage job = _jobs[submission.jobId];
        if (job.status == JobStatus.None) return SubmissionStatus.UnknownJob;
        if (job.requestHash != submission.requestHash) return SubmissionStatus.WrongRequest;
        if (job.status != JobStatus.Open) return SubmissionStatus.AlreadyFinal;
        if (block.timestamp > job.deadline) return SubmissionStatus.PastDeadline;
        if (submission.success && submission.output.length > _settings.maxOutputBytes) {
            return SubmissionStatus.OutputTooLarge;
        }
        if (!submission.success && bytes(submission.failureReason).length > _settings.maxReasonBytes) {
            return SubmissionStatus.ReasonTooLarge;
        }
        if (submission.receipt.length > MAX_RECEIPT_BYTES) return SubmissionStatus.ReasonTooLarge;
        return SubmissionStatus.Accepted;
    }

    function _succeed(uint256 jobId, bytes calldata output, bytes calldata receipt) private {
        Job storage job = _jobs[jobId];
        job.status = JobStatus.Succeeded;
        _credit(msg.sender, jobId, job.oraclePayment);
        _credit(job.model, jobId, job.modelPayment);
        emit JobSucceeded(jobId, msg.sender, output, receipt);
        _callBack(jobId, job.callbackAddress, abi.encodeWithSelector(job.callbackFunction, job.callbackId, output));
    }

    function _fail(uint256 jobId, address worker, uint16 code, string memory reason, bytes memory receipt) private {
        Job storage job = _jobs[jobId];
        job.status = JobStatus.Failed;
        _credit(job.callbackAddress, jobId, uint256(job.oraclePayment) + job.modelPayment);
        emit JobFailed(jobId, worker, code, reason, receipt);
        _callBack(
            jobId,
            job.callbackAddress,
            abi.encodeCall(IJobFailureReceiver.onJobFailed, (job.callbackId, code, reason))
        );
    }

    /// Comes last, when all of the job is settled: whatever the client does, the result stands.
    /// The client always gets its full gas: EIP-150 passes on at most 63/64 of what is left, so a submitter who
    /// sends little gas could otherwise make the callback fail and keep the result.
    function _callBack(uint256 jobId, address client, bytes memory data) private {
        uint256 gasLimit = _settings.callbackGasLimit;
        uint256 needed = gasLimit + gasLimit / 63 + CALLBACK_RESERVE_GAS;
        if (gasleft() < needed) revert InsufficientGas(gasleft(), needed);
        bool success;
        bytes memory returnData;
        // By hand, because Solidity's own call copies all of the return data, at the submitter's cost.
        assembly ("memory-safe") {
            success := call(gasLimit, client, 0, add(data, 0x20), mload(data), 0, 0)
            let size := returndatasize()
            if gt(size, MAX_RETURN_BYTES) { size := MAX_RETURN_BYTES }
            returnData := mload(0x40)
            mstore(0x40, add(returnData, add(0x20, MAX_RETURN_BYTES)))
            mstore(returnData, size)
            returndatacopy(add(returnData, 0x20), 0, size)
        }
        emit CallbackCalled(jobId, client, success, returnData);
    }

    // ---- Credits --------------------------------------------------------------------------------------------------

    /// @inheritdoc IOracle
    function withdraw(address payable to, uint256 amount) external override {
        _withdraw(msg.sender, to, amount);
    }

    /// @inheritdoc IOracle
    function withdrawFor(address payable account) external override {
        _withdraw(account, account, _credits[account]);
    }

    function _withdraw(address account, address payable to, uint256 amount) private {
        uint256 credit = _credits[account];
        if (amount > credit) revert CreditTooLow(credit, amount);
        _credits[account] = credit - amount;
        emit Withdrawn(account, to, amount);
        (bool sent,) = to.call{value: amount}("");
        if (!sent) revert TransferFailed(to, amount);
    }

    function _credit(address account, uint256 jobId, uint256 amount) private {
        if (amount == 0) return;
        _credits[account] += amount;
        emit Credited(account, jobId, amount);
    }

    // ---- Models ---------------------------------------------------------------------------------------------------

    /// @inheritdoc IOracle
    function registerModel(
        address owner,
        DataTypes.ModelCategory modelCategory,
        string calldata manifestLocation,
        uint256 modelPrice
    ) external override {
        if (_registered[msg.sender]) revert ModelAlreadyRegistered(msg.sender);
        _checkSize("manifestLocation", bytes(manifestLocation).length, MAX_LOCATION_BYTES);
        _registered[msg.sender] = true;
        emit ModelRegistered(msg.sender, owner, modelCategory, manifestLocation, modelPrice);
    }

    /// @inheritdoc IOracle
    function updateModel(uint256 version, string calldata manifestLocation, uint256 modelPrice) external override {
        if (!_registered[msg.sender]) revert ModelNotRegistered(msg.sender);
        _checkSize("manifestLocation", bytes(manifestLocation).length, MAX_LOCATION_BYTES);
        emit ModelUpdated(msg.sender, version, manifestLocation, modelPrice);
    }

    /// Approves (or no longer approves) the code of `model`, and so of every model contract with the same code:
    /// code that names its own caller as the callback address. Look at the code first, proxies and DELEGATECALL included.
    function approveModelCode(address model, bool approved) external onlyOwner {
        if (model.code.length == 0) revert NoCode(model);
        bytes32 codeHash = model.codehash;
        _approvedCode[codeHash] = approved;
        emit ModelCodeApproved(codeHash, approved);
    }

    // ---- Settings -------------------------------------------------------------------------------------------------

    /// Counts for jobs that are started from now on; limits of results and the callback's gas count at once.
    function setSettings(Settings calldata next) external onlyOwner {
        _setSettings(next);
    }

    function setPrice(uint96 next) external onlyOwner {
        _settings.price = next;
        emit SettingsChanged(_settings);
    }

    function _setSettings(Settings memory next) private {
        _checkBounds("jobTimeoutSeconds", next.jobTimeoutSeconds, 10, 30 days);
        // Below, a client could not store an answer; above, a block could hold few callbacks.
        _checkBounds("callbackGasLimit", next.callbackGasLimit, 100_000, 10_000_000);
        _checkBounds("maxInputBytes", next.maxInputBytes, 1024, MAX_DATA_BYTES);
        _checkBounds("maxOutputBytes", next.maxOutputBytes, 1024, MAX_DATA_BYTES);
        _checkBounds("maxReasonBytes", next.maxReasonBytes, 32, 1024);
        _settings = next;
        emit SettingsChanged(next);
    }

    function _checkBounds(string memory field, uint256 value, uint256 low, uint256 high) private pure {
        if (value < low || value > high) revert SettingOutOfBounds(field, value);
    }

    function _checkSize(string memory field, uint256 size, uint256 limit) private pure {
        if (size > limit) revert TooLarge(field, size, limit);
    }

    // ---- Reads ----------------------------------------------------------------------------------------------------

    /// @inheritdoc IOracle
    function jobStatuses(uint256[] calldata jobIds) external view override returns (JobStatus[] memory statuses) {
        statuses = new JobStatus[](jobIds.length);
        for (uint256 i = 0; i < jobIds.length; i++) statuses[i] = _jobs[jobIds[i]].status;
    }

    /// @inheritdoc IOracle
    function price() external view override returns (uint256) {
        return _settings.price;
    }

    /// @inheritdoc IOracle
    function isRegistered(address model) external view override returns (bool) {
        return _registered[model];
    }

    /// @inheritdoc IOracle
    function creditOf(address account) external view override returns (uint256) {
        return _credits[account];
    }

    /// All zero for an id that does not exist.
    function getJob(uint256 jobId) external view returns (Job memory) {
        return _jobs[jobId];
    }

    function settings() external view returns (Settings memory) {
        return _settings;
    }

    /// Whether models with this code may name their callers as callback addresses.
    function isApprovedCode(bytes32 codeHash) external view returns (bool) {
        return _approvedCode[codeHash];
    }
}
