#!/usr/bin/env python3
"""
Trains kjv-2m, a small decoder-only transformer, and exports it in Hugging Face Optimum's layout with key/value cache.

Data: the King James Version of the Bible (1611), as Debian's package bible-kjv prints it. Public domain.
Needs:  apt-get install bible-kjv python3-torch python3-onnx libopenblas0-pthread
Use:    OMP_NUM_THREADS=1 python3 text_generation.py --out ../text-generation/kjv-2m
"""

import argparse
import json
import math
import os
import random
import re
import subprocess
import time

import torch
from torch import nn
from torch.nn import functional as F

from byte_bpe import END, Encoder, learn, save, tokenizer_json
from half_weights import halve, round_to_half

CONTEXT = 256
LAYERS, WIDTH, HEADS, VOCABULARY = 4, 192, 6, 2048


def verses():
    """Chapters, each a list of verses."""
    text = subprocess.run(
        ["bible", "-l60000", "gen1:1-rev22:21"], check=True, capture_output=True, text=True
    ).stdout
    chapters = []
    for line in text.split("\n"):
        verse = re.match(r"^\s+\d+ (.+)$", line)
        if verse:
            chapters[-1].append(verse[1].strip())
        elif line.strip():
            chapters.append([])
    return chapters


def passages(chapters, rng):
    """Texts to learn: one to six verses that follow each other, a line each."""
    texts = []
    for chapter in chapters:
        at = 0
        while at < len(chapter):
            count = rng.randint(1, 6)
            texts.append("\n".join(chapter[at : at + count]))
            at += count
    return texts


class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-5) * self.scale


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention_norm, self.mlp_norm = Norm(), Norm()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.up = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.down = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x, cos, sin, mask, past=None):
        batch, length, _ = x.shape
        qkv = self.qkv(self.attention_norm(x)).view(batch, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        q, k, v = rotate(qkv[0], cos, sin), rotate(qkv[1], cos, sin), qkv[2]
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        scores = q @ k.transpose(-1, -2) / math.sqrt(WIDTH // HEADS) + mask
        x = x + self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, WIDTH))
        return x + self.down(F.relu(self.up(self.mlp_norm(x))) ** 2), (k, v)


def rotate(x, cos, sin):
    """Rotary position embedding: turns each pair of halves by an angle that grows with the position."""
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = Norm()
        half = WIDTH // HEADS // 2
        angles = torch.arange(CONTEXT)[:, None] / 10000 ** (torch.arange(half)[None] / half)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02 / (math.sqrt(2 * LAYERS) if "out" in name or "down" in name else 1))

    def forward(self, tokens, attention_mask, positions, past=None):
        """past: per layer keys and values [batch, heads, past length, head size]. Returns logits and the longer cache."""
        x = self.embedding(tokens)
        cos, sin = self.cos[positions][:, None], self.sin[positions][:, None]
        total, length = attention_mask.shape[1], tokens.shape[1]
        # A token sees itself and what came before it, unless it is padding.
        visible = torch.arange(total)[None] <= (torch.arange(length) + (total - length))[:, None]
        mask = (1 - visible[None, None].float() * attention_mask[:, None, None].float()) * -1e9
        cache = []
        for index, block in enumerate(self.blocks):
            x, present = block(x, cos, sin, mask, None if past is None else past[index])
            cache.append(present)
        return F.linear(self.norm(x), self.embedding.weight), cache


class Exported(nn.Module):
    """The same network with Optimum's flat list of inputs and outputs."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, position_ids, *past):
        pairs = [(past[2 * i], past[2 * i + 1]) for i in range(LAYERS)]
        logits, cache = self.model(input_ids, attention_mask, position_ids, pairs)
        return (logits, *(tensor for pair in cache for tensor in pair))


def windows(tokens, count, generator):
    starts = torch.randint(0, len(tokens) - CONTEXT - 1, (count,), generator=generator)
    both = torch.stack([tokens[start : start + CONTEXT + 1] for start in starts.tolist()])
    return both[:, :-1], both[:, 1:]


def loss_of(model, x, y):
    positions = torch.arange(x.shape[1]).expand_as(x)
    logits, _ = model(x, torch.ones_like(x), positions)
    return F.cross_entropy(logits.flatten(0, 1), y.flatten())


def measure(model, tokens):
    """Mean loss, in nats a token, over the whole of held-out text, read in windows without overlap."""
    model.eval()
    losses = []
    with torch.no_grad():
        for start in range(0, len(tokens) - CONTEXT - 1, CONTEXT):
            window = tokens[start : start + CONTEXT + 1][None]
            losses.append(loss_of(model, window[:, :-1], window[:, 1:]).item())
    model.train()
    return sum(losses) / len(losses)


def train(model, tokens, options):
    generator = torch.Generator().manual_seed(options.seed)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    optimiser = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], betas=(0.9, 0.95)
    )
    first = 0
    if os.path.exists(options.checkpoint):
        state = torch.load(options.checkpoint)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        generator.set_state(state["generator"])
        first = state["step"]
    for step in range(first, options.steps):
        # Up for 50 steps, level, and down to nothing over the last quarter.
        rate = options.rate * min(1, (step + 1) / 50, (options.steps - step) / (0.25 * options.steps))
        for group in optimiser.param_groups:
            group["lr"] = rate
        loss = loss_of(model, *windows(tokens, options.batch, generator))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if step % 50 == 0:
            print(f"step {step} loss {loss.item():.3f} cpu {time.process_time():.0f} s", flush=True)
        if (step + 1) % 50 == 0:
            state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step + 1}
            torch.save({**state, "generator": generator.get_state()}, options.checkpoint)


def export(model, folder):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "model.onnx")
    past = [torch.zeros(1, HEADS, 3, WIDTH // HEADS) for _ in range(2 * LAYERS)]
    caches = [f"{i}.{part}" for i in range(LAYERS) for part in ("key", "value")]
    axes = {
        "input_ids": {0: "batch_size", 1: "sequence_length"},
        "attention_mask": {0: "batch_size", 1: "total_sequence_length"},
        "position_ids": {0: "batch_size", 1: "sequence_length"},
        "logits": {0: "batch_size", 1: "sequence_length"},
    }
    axes.update({f"past_key_values.{cache}": {0: "batch_size", 2: "past_sequence_length"} for cache in caches})
    axes.update({f"present.{cache}": {0: "batch_size", 2: "total_sequence_length"} for cache in caches})
    tokens = torch.ones(1, 2, dtype=torch.int64)
    torch.onnx.export(
        Exported(model.eval()),
        (tokens, torch.ones(1, 5, dtype=torch.int64), torch.tensor([[3, 4]]), *past),
        path,
        input_names=["input_ids", "attention_mask", "position_ids", *(f"past_key_values.{cache}" for cache in caches)],
        output_names=["logits", *(f"present.{cache}" for cache in caches)],
        dynamic_axes=axes,
        opset_version=14,
        # Folding would store the transposed weights of the embedding beside the embedding.
        do_constant_folding=False,
    )
    halve(path)
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="folder for model.onnx, tokenizer.json and the configurations")
    parser.add_argument("--steps", type=int, default=520)
    parser.add_argument("--batch", type=int, default=8, help=f"windows of {CONTEXT} tokens a step")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--checkpoint", default="/tmp/kjv-2m.pt", help="where a broken run goes on from")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)

    chapters = verses()
    bpe = learn("\n".join(verse for chapter in chapters for verse in chapter), VOCABULARY)
    os.makedirs(options.out, exist_ok=True)
    save(os.path.join(options.out, "tokenizer.json"), tokenizer_json(bpe, [END, "$A"]))
    encoder, end = Encoder(bpe), bpe["vocabulary"][END]
    # Every twentieth chapter is held out.
    parts = {"train": [], "held out": []}
    for index, chapter in enumerate(chapters):
        parts["held out" if index % 20 == 19 else "train"].append(chapter)
    rng = random.Random(options.seed)
    tokens = {}
    for part, some in parts.items():
        texts = passages(some, rng)
        rng.shuffle(texts)
        ids = [token for text in texts for token in (end, *encoder.encode(text))]
        tokens[part] = torch.tensor(ids + [end])
        print(f"{part}: {len(some)} chapters, {sum(map(len, texts))} characters, {len(ids)} tokens", flush=True)

    model = Decoder()
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    train(model, tokens["train"], options)
    round_to_half(model)
    print(f"held-out loss of the fp16 weights {measure(model, tokens['held out']):.4f}")
    path = export(model, options.out)
    print(f"{path}: {os.path.getsize(path)} bytes")
    save(
        os.path.join(options.out, "config.json"),
        {
            "architectures": ["KjvForCausalLM"],
            "model_type": "llama",
            "vocab_size": VOCABULARY,
            "hidden_size": WIDTH,
            "intermediate_size": 4 * WIDTH,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "num_key_value_heads": HEADS,
            "head_dim": WIDTH // HEADS,
            "max_position_embeddings": CONTEXT,
            "bos_token_id": end,
            "eos_token_id": end,
        },
    )
    save(
        os.path.join(options.out, "generation_config.json"),
        {
            "bos_token_id": end,
            "eos_token_id": end,
            "do_sample": True,
            "temperature": 0.8,
            "top_k": 40,
            "top_p": 0.95,
            "max_new_tokens": 96,
        },
    )


if __name__ == "__main__":
    main()
