#!/usr/bin/env python3
"""Trains mnist-classifier: a small convolutional network that reads handwritten digits, exported as Optimum does."""

import argparse
import json
import time
from pathlib import Path

import mnist
import torch
from diffusion import cosine_rate
from npm_data import DEFAULT_FOLDER
from torch import nn
from torch.nn import functional as F

BATCH = 64


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.AvgPool2d(7), nn.Flatten(), nn.Linear(64, 10),
        )

    def forward(self, pixel_values):
        return self.layers(pixel_values)


def moved(pictures):
    """Turned, stretched and shifted at random, so that 8,000 digits stand for many."""
    batch = len(pictures)
    angle, size = (torch.rand(batch) - 0.5) * 0.5, 1 + (torch.rand(batch, 2) - 0.5) * 0.3
    shift = (torch.rand(batch, 2) - 0.5) * 0.35
    grid = torch.stack([
        torch.stack([angle.cos() * size[:, 0], -angle.sin() * size[:, 0], shift[:, 0]], 1),
        torch.stack([angle.sin() * size[:, 1], angle.cos() * size[:, 1], shift[:, 1]], 1),
    ], 1)
    return F.grid_sample(pictures, F.affine_grid(grid, pictures.shape, align_corners=False), padding_mode="border",
                         align_corners=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for model.onnx, config.json, preprocessor_config.json")
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER, help="folder for the downloaded npm package")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2500)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    digits, numbers = mnist.load(arguments.data)
    # As preprocessor_config.json says: (x - 0.5) / 0.5.
    pictures = (torch.from_numpy(digits)[:, None] - 0.5) / 0.5
    labels = torch.from_numpy(numbers)
    order = torch.randperm(len(pictures))
    held, used = order[:2000], order[2000:]
    model = Classifier()
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-3)
    began = time.process_time()
    for step in range(arguments.steps):
        for group in optimiser.param_groups:
            group["lr"] = cosine_rate(step, arguments.steps, 3e-3)
        which = used[torch.randint(len(used), (BATCH,))]
        loss = F.cross_entropy(model(moved(pictures[which])), labels[which])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 250 == 249:
            print(f"step {step + 1} loss {loss.item():.4f} seconds {time.process_time() - began:.0f}", flush=True)
    model.eval()
    with torch.no_grad():
        logits = model(pictures[held])
        right = (logits.argmax(1) == labels[held]).float().mean().item()
        loss = F.cross_entropy(logits, labels[held]).item()
    print(f"held out: {len(held)} digits, {right * 100:.2f} % right, loss {loss:.4f}; "
          f"{sum(parameter.numel() for parameter in model.parameters())} parameters")
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        model, (pictures[:2],), str(arguments.out / "model.onnx"), input_names=["pixel_values"], output_names=["logits"],
        dynamic_axes={"pixel_values": {0: "batch"}, "logits": {0: "batch"}}, opset_version=15,
    )
    names = {str(digit): str(digit) for digit in range(10)}
    (arguments.out / "config.json").write_text(json.dumps(
        {"model_type": "convolutional", "num_channels": 1, "image_size": 28, "id2label": names}, indent=2) + "\n")
    (arguments.out / "preprocessor_config.json").write_text(json.dumps({
        "do_resize": True, "size": {"height": 28, "width": 28}, "resample": 2, "do_rescale": True,
        "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.5], "image_std": [0.5],
        "do_convert_grayscale": True,
    }, indent=2) + "\n")


if __name__ == "__main__":
    main()
