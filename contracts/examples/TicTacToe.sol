// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IJobFailureReceiver, IOracle} from "../IOracle.sol";
import {RLAgent} from "../RLAgent.sol";

/// @title Tic-tac-toe against a model of the network. A pattern for games to copy.
/// @notice Player one begins, and moves by transaction; each of these moves pays for the model's answer. The model is
/// player two: a worker reads the board by `getGameBoard` and the Oracle calls back with the model's move.
/// - A move of the model that the rules forbid loses it the game: the contract never trusts an answer.
/// - A move that never comes (the job fails, or its deadline passes and anyone calls `reclaim` of the Oracle) leaves the
///   game as it is: the player gets the payment back by `claimRefund`, and asks again by `askAgain`.
contract TicTacToe is IJobFailureReceiver {
    enum State {
        None,
        PlayerToMove,
        ModelToMove,
        PlayerWon,
        ModelWon,
        Drawn
    }

    struct Game {
        /// Player one: who began the game.
        address player;
        State state;
        /// How many fields are taken.
        uint8 moves;
        /// The field (x + 3y) has two bits, at 2 * (x + 3y): 0 empty, 1 player one, 2 the model.
        uint32 board;
        /// Whose callback counts, as the model named it when the job was started.
        IOracle oracle;
        /// The last job that asked for a move of the model.
        uint256 jobId;
    }

    /// What one job cost, in wei, and who is to have it back if the job fails. Zero once it was.
    struct Payment {
        address player;
        uint96 amount;
    }

    uint8 private constant PLAYER = 1;
    uint8 private constant MODEL = 2;

    RLAgent public immutable model;
    /// Ids run from 1 to `gameCount`.
    uint256 public gameCount;
    mapping(uint256 gameId => Game) public games;
    mapping(IOracle oracle => mapping(uint256 jobId => Payment)) public payments;

    event GameStarted(uint256 indexed gameId, address indexed player);
    /// `mark`: 1 player one, 2 the model.
    event Moved(uint256 indexed gameId, uint8 mark, uint256 x, uint256 y);
    event ModelAsked(uint256 indexed gameId, uint256 jobId);
    /// The model answered with what is no move on this board; `data` is the answer, at most the first 64 bytes of it.
    event ModelMovedWrongly(uint256 indexed gameId, bytes data);
    /// No answer came. `code`: docs/errors.md
    event ModelFailed(uint256 indexed gameId, uint16 code, string reason);
    event GameEnded(uint256 indexed gameId, State state);

    error NotYourGame(uint256 gameId);
    error NotYourTurn(uint256 gameId, State state);
    error FieldNotFree(uint256 x, uint256 y);
    error NotTheOracle(address caller);
    error JobStillOpen(uint256 jobId);
    error NothingToRefund(uint256 jobId);
    error PaymentNotReturned(uint256 amount);

    constructor(RLAgent model_) {
        model = model_;
    }

    /// Begins a game with player one's first move, and asks the model for its answer: send `model.price()` along.
    function start(uint256 x, uint256 y) external payable returns (uint256 gameId) {
        gameId = ++gameCount;
        games[gameId].player = msg.sender;
        games[gameId].state = State.PlayerToMove;
        emit GameStarted(gameId, msg.sender);
        _play(gameId, x, y);
    }

    /// Player one's next move: send `model.price()` along. What a move that ends the game does not need comes back.
    function move(uint256 gameId, uint256 x, uint256 y) external payable {
        if (msg.sender != games[gameId].player) revert NotYourGame(gameId);
        if (games[gameId].state != State.PlayerToMove) revert NotYourTurn(gameId, games[gameId].state);
        _play(gameId, x, y);
    }

    /// Asks for the model's move anew, after a job that failed, or whose callback did not get through.
    function askAgain(uint256 gameId) external payable {
        Game storage game = games[gameId];
        if (msg.sender != game.player) revert NotYourGame(gameId);
        if (game.state != State.ModelToMove) revert NotYourTurn(gameId, game.state);
        if (_statusOf(game.oracle, game.jobId) == IOracle.JobStatus.Open) revert JobStillOpen(game.jobId);
        _askModel(gameId);
    }

    /// Sends the payment of a failed job back to the player. It asks the Oracle, and not what `onJobFailed` was told:
    /// a callback may have run out of gas.
    function claimRefund(IOracle oracle, uint256 jobId) external {
        Payment memory payment = payments[oracle][jobId];
        if (payment.amount == 0 || _statusOf(oracle, jobId) != IOracle.JobStatus.Failed) revert NothingToRefund(jobId);
        delete payments[oracle][jobId];
        oracle.withdraw(payable(payment.player), payment.amount);
    }

    /// The callback: the model's move, `abi.encode(uint256 x, uint256 y)`. It must not revert for an answer that is
    /// wrong: the game would wait for ever.
    function onMove(uint256 gameId, bytes calldata data) external {
        Game storage game = _awaited(gameId);
        if (data.length == 64) {
            (uint256 x, uint256 y) = abi.decode(data, (uint256, uint256));
            if (_isFree(game.board, x, y)) {
                _mark(gameId, MODEL, x, y);
                return;
            }
        }
        emit ModelMovedWrongly(gameId, data.length > 64 ? data[:64] : data);
        _end(gameId, State.PlayerWon);
    }

    /// @inheritdoc IJobFailureReceiver
    function onJobFailed(uint256 gameId, uint16 code, string calldata reason) external override {
        _awaited(gameId);
        emit ModelFailed(gameId, code, reason);
    }

    /// What the model sees: `board[x][y]` is 0 for an empty field, 1 for player one's, 2 for the model's.
    function getGameBoard(uint256 gameId) external view returns (uint256[3][3] memory board) {
        uint32 packed = games[gameId].board;
        for (uint256 x = 0; x < 3; x++) {
            for (uint256 y = 0; y < 3; y++) board[x][y] = _at(packed, x, y);
        }
    }

    function _play(uint256 gameId, uint256 x, uint256 y) private {
        if (!_isFree(games[gameId].board, x, y)) revert FieldNotFree(x, y);
        _mark(gameId, PLAYER, x, y);
        if (games[gameId].state == State.ModelToMove) {
            _askModel(gameId);
        } else if (msg.value > 0) {
            (bool sent,) = msg.sender.call{value: msg.value}("");
            if (!sent) revert PaymentNotReturned(msg.value);
        }
    }

    function _askModel(uint256 gameId) private {
        Game storage game = games[gameId];
        game.oracle = model.oracle();
        game.jobId = model.run{value: msg.value}(gameId, this.onMove.selector);
        payments[game.oracle][game.jobId] = Payment(msg.sender, uint96(msg.value));
        emit ModelAsked(gameId, game.jobId);
    }

    /// Puts a mark on a free field, and finds out whose turn it is.
    function _mark(uint256 gameId, uint8 mark, uint256 x, uint256 y) private {
        Game storage game = games[gameId];
        uint32 board = game.board | (uint32(mark) << uint32(2 * (x + 3 * y)));
        game.board = board;
        game.moves++;
        emit Moved(gameId, mark, x, y);
        if (_hasLine(board, mark)) _end(gameId, mark == PLAYER ? State.PlayerWon : State.ModelWon);
        else if (game.moves == 9) _end(gameId, State.Drawn);
        else game.state = mark == PLAYER ? State.ModelToMove : State.PlayerToMove;
    }

    function _end(uint256 gameId, State state) private {
        games[gameId].state = state;
        emit GameEnded(gameId, state);
    }

    /// The game that a callback is about; reverts unless its oracle calls while the model is to move. No job but the last
    /// can still call back: the one before it was final when `askAgain` let the player ask.
    function _awaited(uint256 gameId) private view returns (Game storage game) {
        game = games[gameId];
        if (msg.sender != address(game.oracle)) revert NotTheOracle(msg.sender);
        if (game.state != State.ModelToMove) revert NotYourTurn(gameId, game.state);
    }

    function _statusOf(IOracle oracle, uint256 jobId) private view returns (IOracle.JobStatus) {
        uint256[] memory jobIds = new uint256[](1);
        jobIds[0] = jobId;
        return oracle.jobStatuses(jobIds)[0];
    }

    function _isFree(uint32 board, uint256 x, uint256 y) private pure returns (bool) {
        return x < 3 && y < 3 && _at(board, x, y) == 0;
    }

    function _at(uint32 board, uint256 x, uint256 y) private pure returns (uint256) {
        return (board >> uint32(2 * (x + 3 * y))) & 3;
    }

    function _hasLine(uint32 board, uint8 mark) private pure returns (bool) {
        for (uint256 i = 0; i < 3; i++) {
            if (_at(board, i, 0) == mark && _at(board, i, 1) == mark && _at(board, i, 2) == mark) return true;
            if (_at(board, 0, i) == mark && _at(board, 1, i) == mark && _at(board, 2, i) == mark) return true;
        }
        if (_at(board, 1, 1) != mark) return false;
        return (_at(board, 0, 0) == mark && _at(board, 2, 2) == mark)
            || (_at(board, 0, 2) == mark && _at(board, 2, 0) == mark);
    }
}
