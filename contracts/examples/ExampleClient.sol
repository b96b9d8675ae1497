// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ImageToText} from "../ImageToText.sol";
import {IJobFailureReceiver, IOracle} from "../IOracle.sol";

/// @title Asks a model to read pictures, and keeps what it was called back with. A pattern to copy.
/// @notice Anyone may ask, with at least `model.price()`. If a job fails, its payment can be had back by `claimRefund`.
contract ExampleClient is IJobFailureReceiver {
    struct Answer {
        /// Who asked, and gets the refund.
        address asker;
        /// The only one whose callback counts, as the model named it when the request was made.
        IOracle oracle;
        uint256 jobId;
        /// What the request carried, in wei; zero once it was refunded.
        uint256 paid;
        /// Set by success and by failure: nothing follows.
        bool answered;
        /// `abi.encode(string text)` on success; empty on failure, and where the text was too long to be stored.
        bytes data;
        /// keccak256 of the answer, stored or not; zero on failure. The bytes of a long one stand in the Oracle's event
        /// `JobSucceeded`, and whoever brings them is believed if their hash is this one.
        bytes32 dataHash;
        /// 0 on success; else a code of docs/errors.md.
        uint16 failureCode;
        string failureReason;
    }

    /// What storing 32 bytes takes at most: a new slot (22,100), and their share of copies, hash and event.
    uint256 private constant GAS_PER_WORD = 22_700;

    ImageToText public immutable model;
    /// Ids run from 1 to `count`.
    uint256 public count;
    mapping(uint256 callbackId => Answer) public answers;

    event Asked(uint256 indexed callbackId, address indexed asker, uint256 jobId);
    /// `data`: as stored, so empty for a long answer.
    event Answered(uint256 indexed callbackId, bytes32 dataHash, bytes data);
    event Failed(uint256 indexed callbackId, uint16 code, string reason);
    event Refunded(uint256 indexed callbackId, address indexed asker, uint256 amount);

    error NotTheOracle(address caller);
    error AlreadyAnswered(uint256 callbackId);
    error NothingToRefund(uint256 callbackId);

    constructor(ImageToText model_) {
        model = model_;
    }

    /// Asks for the text in a picture whose bytes are sent along.
    function ask(bytes calldata image, bytes calldata seed) external payable returns (uint256 callbackId) {
        callbackId = _remember();
        _asked(callbackId, model.run{value: msg.value}(image, callbackId, this.onAnswer.selector, seed));
    }

    /// Asks for the text in a picture at an `https://` or `ipfs://` location.
    function askFromLocation(string calldata location, bytes calldata seed)
        external
        payable
        returns (uint256 callbackId)
    {
        callbackId = _remember();
        _asked(
            callbackId,
            model.runFromLocation{value: msg.value}(location, callbackId, this.onAnswer.selector, seed)
        );
    }

    /// The callback. Its gas is capped by the Oracle (3,000,000 as deployed), which is enough to store about 4 KB. A callback that
    /// reverts is not made again, and the answer is paid all the same: so of a longer answer only the hash is stored.
    function onAnswer(uint256 callbackId, bytes calldata data) external {
        Answer storage answer = _answer(callbackId);
        bytes32 dataHash = keccak256(data);
        answer.answered = true;
        answer.dataHash = dataHash;
        // Three more words than the data fills: for its rest, its length and the event itself.
        bool isShort = gasleft() > (data.length / 32 + 3) * GAS_PER_WORD;
        bytes calldata stored = data[:isShort ? data.length : 0];
        answer.data = stored;
        emit Answered(callbackId, dataHash, stored);
    }

    /// @inheritdoc IJobFailureReceiver
    function onJobFailed(uint256 callbackId, uint16 code, string calldata reason) external override {
        Answer storage answer = _answer(callbackId);
        answer.answered = true;
        answer.failureCode = code;
        answer.failureReason = reason;
        emit Failed(callbackId, code, reason);
    }

    /// Sends the payment of a failed job back to whoever asked. It asks the oracle, and not what `onJobFailed` stored:
    /// a callback may have run out of gas.
    function claimRefund(uint256 callbackId) external {
        Answer storage answer = answers[callbackId];
        uint256 amount = answer.paid;
        if (amount == 0) revert NothingToRefund(callbackId);
        uint256[] memory jobIds = new uint256[](1);
        jobIds[0] = answer.jobId;
        if (answer.oracle.jobStatuses(jobIds)[0] != IOracle.JobStatus.Failed) revert NothingToRefund(callbackId);
        answer.paid = 0;
        emit Refunded(callbackId, answer.asker, amount);
        answer.oracle.withdraw(payable(answer.asker), amount);
    }

    function _remember() private returns (uint256 callbackId) {
        callbackId = ++count;
        Answer storage answer = answers[callbackId];
        answer.asker = msg.sender;
        answer.oracle = model.oracle();
        answer.paid = msg.value;
    }

    function _asked(uint256 callbackId, uint256 jobId) private {
        answers[callbackId].jobId = jobId;
        emit Asked(callbackId, msg.sender, jobId);
    }

    /// The request that a callback is about; reverts unless its oracle calls, for the first time.
    function _answer(uint256 callbackId) private view returns (Answer storage answer) {
        answer = answers[callbackId];
        if (msg.sender != address(answer.oracle)) revert NotTheOracle(msg.sender);
        if (answer.answered) revert AlreadyAnswered(callbackId);
    }
}
