// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC721URIStorage} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721URIStorage.sol";
import {DataTypes} from "../DataTypes.sol";
import {IJobFailureReceiver, IOracle} from "../IOracle.sol";
import {TextConditionalImageGeneration} from "../TextConditionalImageGeneration.sol";

/// @title Tokens whose pictures a model of the network paints, and paints anew as often as their owners pay for it.
/// @notice The network writes ERC-721 metadata (name, description, image) for each picture and calls back with its
/// location, which becomes the token's URI. A pattern to copy.
contract EvolvingNFT is ERC721URIStorage, IJobFailureReceiver {
    /// One picture that was asked for.
    struct Request {
        uint256 tokenId;
        /// Who paid, and gets the refund.
        address payer;
        /// What the request carried, in wei; zero once it was refunded.
        uint96 paid;
        /// The only one whose callback counts, as the model named it when the request was made.
        IOracle oracle;
        uint256 jobId;
        /// Set by success and by failure: nothing follows.
        bool answered;
    }

    TextConditionalImageGeneration public immutable model;
    /// Token ids run from 1 to `tokenCount`.
    uint256 public tokenCount;
    /// Request ids run from 1 to `requestCount`.
    uint256 public requestCount;
    mapping(uint256 requestId => Request) public requests;
    /// The request whose picture a token shows; zero before the first has arrived.
    mapping(uint256 tokenId => uint256 requestId) public shownRequest;

    event PictureRequested(
        uint256 indexed requestId, uint256 indexed tokenId, uint256 jobId, string prompt, bytes seed
    );
    /// `location`: of the metadata.
    event PictureChanged(uint256 indexed requestId, uint256 indexed tokenId, string location);
    /// `code`: docs/errors.md
    event PictureFailed(uint256 indexed requestId, uint256 indexed tokenId, uint16 code, string reason);

    error NotTheOwner(uint256 tokenId, address caller);
    error NotTheOracle(address caller);
    error AlreadyAnswered(uint256 requestId);
    error NothingToRefund(uint256 requestId);

    constructor(TextConditionalImageGeneration model_) ERC721("Buffalo Evolving", "EVOLVE") {
        model = model_;
    }

    /// Mints a token to the caller and asks for its picture: send `model.price()` along. Until the picture arrives, the
    /// token's URI is empty.
    function mint(string calldata prompt, bytes calldata seed) external payable returns (uint256 tokenId) {
        tokenId = ++tokenCount;
        // Not _safeMint: it would call the caller back before the request is made.
        _mint(msg.sender, tokenId);
        _request(tokenId, prompt, seed);
    }

    /// Asks for a new picture of the caller's token: send `model.price()` along. The same prompt and seed would give the
    /// same picture. The token keeps its picture until the new one arrives.
    function regenerate(uint256 tokenId, string calldata prompt, bytes calldata seed) external payable {
        if (ownerOf(tokenId) != msg.sender) revert NotTheOwner(tokenId, msg.sender);
        _request(tokenId, prompt, seed);
    }

    /// The callback: `abi.encode(string location)` of the metadata. Answers may overtake each other; a token never goes
    /// back to the picture of an earlier request.
    function onPicture(uint256 requestId, bytes calldata data) external {
        Request storage request = _answer(requestId);
        uint256 tokenId = request.tokenId;
        if (requestId < shownRequest[tokenId]) return;
        string memory location = abi.decode(data, (string));
        shownRequest[tokenId] = requestId;
        // Tells marketplaces, too (ERC-4906).
        _setTokenURI(tokenId, location);
        emit PictureChanged(requestId, tokenId, location);
    }

    /// @inheritdoc IJobFailureReceiver
    function onJobFailed(uint256 requestId, uint16 code, string calldata reason) external override {
        Request storage request = _answer(requestId);
        emit PictureFailed(requestId, request.tokenId, code, reason);
    }

    /// Sends the payment of a failed request back to whoever paid. It asks the Oracle, and not what `onJobFailed` was
    /// told: a callback may have run out of gas.
    function claimRefund(uint256 requestId) external {
        Request storage request = requests[requestId];
        uint256 amount = request.paid;
        if (amount == 0) revert NothingToRefund(requestId);
        uint256[] memory jobIds = new uint256[](1);
        jobIds[0] = request.jobId;
        if (request.oracle.jobStatuses(jobIds)[0] != IOracle.JobStatus.Failed) revert NothingToRefund(requestId);
        request.paid = 0;
        request.oracle.withdraw(payable(request.payer), amount);
    }

    function _request(uint256 tokenId, string calldata prompt, bytes calldata seed) private {
        uint256 requestId = ++requestCount;
        Request storage request = requests[requestId];
        request.tokenId = tokenId;
        request.payer = msg.sender;
        // The Oracle refuses more than 96 bits hold.
        request.paid = uint96(msg.value);
        request.oracle = model.oracle();
        request.jobId = model.run{value: msg.value}(
            prompt, requestId, this.onPicture.selector, seed, DataTypes.OutputDataFormat.NFTMeta
        );
        emit PictureRequested(requestId, tokenId, request.jobId, prompt, seed);
    }

    /// The request that a callback is about; reverts unless its oracle calls, for the first time.
    function _answer(uint256 requestId) private returns (Request storage request) {
        request = requests[requestId];
        if (msg.sender != address(request.oracle)) revert NotTheOracle(msg.sender);
        if (request.answered) revert AlreadyAnswered(requestId);
        request.answered = true;
    }
}
