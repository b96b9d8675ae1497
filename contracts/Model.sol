// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {DataTypes} from "./DataTypes.sol";
import {IOracle} from "./IOracle.sol";

/// @title What all model contracts share: one is deployed for each model, by whoever offers it.
/// @dev No immutables, so that all models of one task have the same code, which the Oracle approves once.
abstract contract Model is Ownable {
    /// How a model contract is deployed.
    struct Setup {
        /// Sets the price and the manifest, and withdraws what the model has earned.
        address owner;
        /// May move the model to another Oracle.
        address oracleAdmin;
        IOracle oracle;
        /// Where the manifest lies: `ipfs://<cid>`.
        string manifestLocation;
        /// Whether the manifest may ever change.
        bool upgradeable;
        /// The model's own part of the price, in wei.
        uint256 modelPrice;
    }

    /// Clients compare this with `msg.sender` in their callbacks.
    IOracle public oracle;
    address public oracleAdmin;
    bool public upgradeable;
    /// The model's own part of the price, in wei.
    uint256 public modelPrice;
    string[] private _manifestLocations;

    event OracleChanged(IOracle indexed oracle);
    event OracleAdminChanged(address indexed oracleAdmin);

    error NotOracleAdmin(address account);
    error NotUpgradeable();
    error PaymentTooLow(uint256 paid, uint256 price);
    error UnknownVersion(uint256 version);
    error ZeroAddress();

    constructor(Setup memory setup) Ownable(setup.owner) {
        upgradeable = setup.upgradeable;
        modelPrice = setup.modelPrice;
        _manifestLocations.push(setup.manifestLocation);
        _setOracleAdmin(setup.oracleAdmin);
        oracle = setup.oracle;
        setup.oracle.registerModel(setup.owner, modelCategory(), setup.manifestLocation, setup.modelPrice);
        emit OracleChanged(setup.oracle);
    }

    /// The task that the model performs.
    function modelCategory() public pure virtual returns (DataTypes.ModelCategory);

    /// What a request must carry, in wei: the oracle's price and the model's. All that a request carries beyond it
    /// goes to the model too, and back to the client if the job fails.
    function price() public view returns (uint256) {
        return oracle.price() + modelPrice;
    }

    /// The latest version. Versions run from 1.
    function version() public view returns (uint256) {
        return _manifestLocations.length;
    }

    /// Where the manifest of the latest version lies.
    function manifestLocation() public view returns (string memory) {
        return _manifestLocations[_manifestLocations.length - 1];
    }

    function manifestLocationOf(uint256 version_) external view returns (string memory) {
        if (version_ == 0 || version_ > _manifestLocations.length) revert UnknownVersion(version_);
        return _manifestLocations[version_ - 1];
    }

    function setModelPrice(uint256 next) external onlyOwner {
        modelPrice = next;
        oracle.updateModel(version(), manifestLocation(), next);
    }

    /// Adds a version. Requests under way keep the one that they were made with.
    function setManifestLocation(string calldata next) external onlyOwner {
        if (!upgradeable) revert NotUpgradeable();
        _manifestLocations.push(next);
        oracle.updateModel(version(), next, modelPrice);
    }

    /// Moves the model to another Oracle. What was earned at the earlier one stays there for `withdraw`.
    function setOracle(IOracle next) external {
        if (msg.sender != oracleAdmin) revert NotOracleAdmin(msg.sender);
        oracle = next;
        if (!next.isRegistered(address(this))) {
            next.registerModel(owner(), modelCategory(), manifestLocation(), modelPrice);
        }
        next.updateModel(version(), manifestLocation(), modelPrice);
        emit OracleChanged(next);
    }

    function setOracleAdmin(address next) external {
        if (msg.sender != oracleAdmin) revert NotOracleAdmin(msg.sender);
        _setOracleAdmin(next);
    }

    /// Sends all that the model has earned at `from` (its Oracle, or an earlier one) to `to`.
    function withdraw(IOracle from, address payable to) external onlyOwner {
        from.withdraw(to, from.creditOf(address(this)));
    }

    function _setOracleAdmin(address next) private {
        if (next == address(0)) revert ZeroAddress();
        oracleAdmin = next;
        emit OracleAdminChanged(next);
    }

    /// Starts a job for the caller. The caller, and nobody else, is called back: the Oracle approves the code of
    /// models because of this line.
    function _start(
        bytes memory input,
        DataTypes.InputDataLocationType inputLocation,
        DataTypes.OutputDataLocationType outputLocation,
        DataTypes.OutputDataFormat format,
        uint256 callbackId,
        bytes4 callbackFunction,
        bytes memory seed
    ) internal returns (uint256 jobId) {
        uint256 needed = price();
        if (msg.value < needed) revert PaymentTooLow(msg.value, needed);
        return oracle.startJob{value: msg.value}(
            IOracle.JobRequest({
                modelCategory: modelCategory(),
                seed: seed,
                modelConfigLocation: manifestLocation(),
                inputDataLocationType: inputLocation,
                input: input,
                outputDataLocationType: outputLocation,
                outputDataFormat: format,
                callbackAddress: msg.sender,
                callbackId: callbackId,
                callbackFunction: callbackFunction
            })
        );
    }
}
