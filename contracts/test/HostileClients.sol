// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DataTypes} from "../DataTypes.sol";
import {IJobFailureReceiver, IOracle} from "../IOracle.sol";
import {IWorkerRegistry} from "../IWorkerRegistry.sol";
import {ImageToText} from "../ImageToText.sol";

/// @title Clients that misbehave in their callbacks. For tests only.
abstract contract HostileClient is IJobFailureReceiver {
    ImageToText public immutable model;

    constructor(ImageToText model_) {
        model = model_;
    }

    function ask(bytes calldata image, uint256 callbackId) public payable returns (uint256 jobId) {
        return model.run{value: msg.value}(image, callbackId, this.onAnswer.selector, "");
    }

    function onAnswer(uint256 callbackId, bytes calldata) external {
        misbehave(callbackId);
    }

    function onJobFailed(uint256 callbackId, uint16, string calldata) external override {
        misbehave(callbackId);
    }

    function misbehave(uint256 callbackId) internal virtual;
}

contract RevertingClient is HostileClient {
    error NoThanks(uint256 callbackId);

    constructor(ImageToText model_) HostileClient(model_) {}

    function misbehave(uint256 callbackId) internal pure override {
        revert NoThanks(callbackId);
    }
}

contract GasBurningClient is HostileClient {
    uint256 private _sink;

    constructor(ImageToText model_) HostileClient(model_) {}

    function misbehave(uint256) internal override {
        while (true) _sink++;
    }
}

/// Returns, or reverts with, as many bytes as its gas pays for.
contract ReturnBombingClient is HostileClient {
    bool private immutable _reverts;

    constructor(ImageToText model_, bool reverts) HostileClient(model_) {
        _reverts = reverts;
    }

    function misbehave(uint256) internal view override {
        bool reverts = _reverts;
        assembly {
            mstore(0, not(0))
            if reverts { revert(0, 300000) }
            return(0, 300000)
        }
    }
}

/// A registered worker that submits, reclaims and asks again from inside its callback.
contract ReenteringClient is HostileClient {
    bytes public submission;
    bool public submitted;
    bytes public submitError;
    bool public reclaimed;
    uint256 public askedAgain;

    constructor(ImageToText model_) HostileClient(model_) {}

    receive() external payable {}

    function register(IWorkerRegistry registry, bytes32 peerKey) external {
        registry.register(peerKey);
    }

    /// `data`: the whole call that the callback makes to the oracle.
    function prepare(bytes calldata data) external {
        submission = data;
    }

    function misbehave(uint256 callbackId) internal override {
        (submitted, submitError) = msg.sender.call(submission);
        (reclaimed,) = msg.sender.call(abi.encodeCall(IOracle.reclaim, (1)));
        askedAgain = this.ask{value: address(this).balance}("again", callbackId + 1);
    }
}

/// Remembers how much gas it was given, and what the oracle said of the job meanwhile.
contract ThirstyClient is HostileClient {
    uint256 public givenGas;
    /// By callback id, which the test makes equal to the job's id.
    mapping(uint256 jobId => IOracle.JobStatus) public statusSeen;

    constructor(ImageToText model_) HostileClient(model_) {}

    function misbehave(uint256 callbackId) internal override {
        givenGas = gasleft();
        uint256[] memory jobIds = new uint256[](1);
        jobIds[0] = callbackId;
        statusSeen[callbackId] = IOracle(msg.sender).jobStatuses(jobIds)[0];
    }
}

/// A model of a stranger, which names whom it likes as the callback address.
contract RogueModel {
    IOracle public immutable oracle;

    constructor(IOracle oracle_) {
        oracle = oracle_;
    }

    function register() external {
        oracle.registerModel(msg.sender, DataTypes.ModelCategory.ImageToText, "ipfs://rogue", 0);
    }

    function start(IOracle.JobRequest calldata request) external payable returns (uint256 jobId) {
        return oracle.startJob{value: msg.value}(request);
    }
}

/// Takes its money back in the middle of a withdrawal, or tries to.
contract ReenteringPayee {
    IOracle public immutable oracle;
    ImageToText public immutable model;

    constructor(ImageToText model_) {
        model = model_;
        oracle = model_.oracle();
    }

    function ask(bytes calldata image) external payable returns (uint256 jobId) {
        return model.run{value: msg.value}(image, 1, bytes4(0), "");
    }

    receive() external payable {
        if (address(oracle).balance >= msg.value) oracle.withdraw(payable(address(this)), msg.value);
    }
}
