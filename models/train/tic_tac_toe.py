#!/usr/bin/env python3
"""Trains tic-tac-toe: a policy network that plays player two and never loses, whoever moves first.

Every position in which it can be its turn is labelled by minimax; training goes on until the network's choice is best in
each of them, and then every game is played out against it. Fails if it can lose one.
"""

import argparse
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

LINES = [(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)]
OTHER, MODEL = 1, 2


def winner(board):
    for a, b, c in LINES:
        if board[a] and board[a] == board[b] == board[c]:
            return board[a]
    return 0


def placed(board, field, player):
    return board[:field] + (player,) + board[field + 1:]


def value(board, player, known):
    """Result for the model with best play, sooner wins and later losses being worth more; `player` is to move."""
    if (board, player) not in known:
        won, free = winner(board), [i for i in range(9) if not board[i]]
        if won:
            known[board, player] = (1 if won == MODEL else -1) * (1 + len(free))
        elif not free:
            known[board, player] = 0
        else:
            values = [value(placed(board, field, player), 3 - player, known) for field in free]
            known[board, player] = max(values) if player == MODEL else min(values)
    return known[board, player]


def positions():
    """Every position that play can reach with the model to move, and the moves that are best in it."""
    known, found = {}, {}
    seen, waiting = set(), [((0,) * 9, OTHER), ((0,) * 9, MODEL)]
    while waiting:
        board, player = waiting.pop()
        if (board, player) in seen or winner(board) or 0 not in board:
            continue
        seen.add((board, player))
        moves = {i: placed(board, i, player) for i in range(9) if not board[i]}
        waiting += [(after, 3 - player) for after in moves.values()]
        if player == MODEL:
            values = {i: value(after, OTHER, known) for i, after in moves.items()}
            found[board] = {i for i, v in values.items() if v == max(values.values())}
    return found


def observe(boards):
    """Planes of 3×3: the other's stones, the model's."""
    boards = torch.tensor(boards)
    return torch.stack([boards == OTHER, boards == MODEL], 1).float().view(-1, 2, 3, 3)


class Policy(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(18, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 9)
        )

    def forward(self, observation):
        return self.layers(observation)


@torch.no_grad()
def choices(policy, boards):
    """The network's move on each board: the most probable field that is free."""
    logits = policy(observe(boards))
    return logits.masked_fill(torch.tensor(boards) != 0, float("-inf")).argmax(1).tolist()


def play_all(policy):
    """Plays every game against the network, both beginning: the number of games that it won, drew and lost."""
    results = {MODEL: 0, 0: 0, OTHER: 0}
    waiting = [((0,) * 9, OTHER), ((0,) * 9, MODEL)]
    while waiting:
        board, player = waiting.pop()
        if winner(board) or 0 not in board:
            results[winner(board)] += 1
        elif player == MODEL:
            waiting.append((placed(board, choices(policy, [board])[0], MODEL), OTHER))
        else:
            waiting += [(placed(board, i, OTHER), MODEL) for i in range(9) if not board[i]]
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for policy.onnx")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--steps", type=int, default=20000, help="at most")
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)

    found = positions()
    boards, best = list(found), list(found.values())
    target = torch.tensor([[1 / len(moves) if i in moves else 0 for i in range(9)] for moves in best])
    taken, inputs = torch.tensor(boards) != 0, observe(boards)
    policy = Policy(arguments.width)
    optimiser = torch.optim.Adam(policy.parameters(), lr=3e-3)
    print(f"{len(boards)} positions", flush=True)
    for step in range(arguments.steps):
        logits = policy(inputs).masked_fill(taken, -1e4)
        loss = F.cross_entropy(logits, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 50 == 49:
            # Best with a margin, so that no other arithmetic turns a choice.
            chosen = logits.masked_fill(target == 0, float("-inf")).amax(1) - logits.masked_fill(
                target > 0, float("-inf")).amax(1)
            wrong, margin = int((chosen <= 0).sum()), chosen.min().item()
            if step % 500 == 499 or (wrong == 0 and margin > 0.5):
                print(f"step {step + 1}: loss {loss.item():.4f}, not best in {wrong}, margin {margin:.3f}", flush=True)
            if wrong == 0 and margin > 0.5:
                break
    policy.eval()
    wrong = [board for board, move, moves in zip(boards, choices(policy, boards), best) if move not in moves]
    results = play_all(policy)
    print(f"not best in {len(wrong)} of {len(boards)}; all games: {results[MODEL]} won, {results[0]} drawn, "
          f"{results[OTHER]} lost; {sum(p.numel() for p in policy.parameters())} parameters", flush=True)
    if wrong or results[OTHER]:
        raise SystemExit("the network can lose: train longer or wider")
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        policy, (inputs[:2],), str(arguments.out / "policy.onnx"), input_names=["observation"], output_names=["logits"],
        dynamic_axes={"observation": {0: "batch"}, "logits": {0: "batch"}}, opset_version=15,
    )


if __name__ == "__main__":
    main()
