#!/usr/bin/env python3
"""Trains spoken-words: a small network that writes down twenty spoken words, in the layout of wav2vec 2.0 with CTC.

The voices are espeak-ng's (Debian: apt-get install espeak-ng); what they say is joined, mixed with noise and varied in loudness.
"""

import argparse
import io
import json
import subprocess
import time
import wave
from pathlib import Path

import numpy as np
import torch
from diffusion import cosine_rate
from torch import nn
from torch.nn import functional as F

RATE, WINDOW, HOP, BANDS = 16000, 400, 320, 40
WORDS = ("zero one two three four five six seven eight nine ten yes no stop go left right up down hello").split()
TOKENS = ["<pad>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz"]
ACCENTS = ["en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029"]
VARIANTS = ["", "+m1", "+m2", "+m3", "+m4", "+m5", "+f1", "+f2", "+f3", "+f4"]
# No one hears these voices in training.
HELD_OUT = {"en-us+m4", "en-gb+f3", "en-gb-x-rp+m2", "en-gb-scotland+f1", "en-029+m1", "en-us+f4"}


def speak(text, voice, speed, pitch):
    """What espeak-ng says, at 16 kHz."""
    data = subprocess.run(
        ["espeak-ng", "--stdout", "-v", voice, "-s", str(speed), "-p", str(pitch), text], check=True, capture_output=True
    ).stdout
    with wave.open(io.BytesIO(data)) as sound:
        rate = sound.getframerate()
        # The header's length is that of a stream without an end.
        samples = np.frombuffer(data[44:], dtype="<i2").astype(np.float32) / 32768
    return at_rate(trimmed(samples), rate, RATE)


def trimmed(samples):
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    return samples[max(0, loud[0] - 200): loud[-1] + 200] if len(loud) else samples[:1]


def at_rate(samples, rate, wanted):
    """By linear interpolation, as the node does it."""
    places = np.arange(round(len(samples) * wanted / rate)) * rate / wanted
    return np.interp(places, np.arange(len(samples)), samples).astype(np.float32)


def clips(random, held_out, per_voice):
    """Single words: (word, sound)."""
    found = []
    for accent in ACCENTS:
        for variant in VARIANTS:
            voice = accent + variant
            if (voice in HELD_OUT) == held_out:
                for word in WORDS:
                    for _ in range(per_voice):
                        found.append((word, speak(word, voice, int(random.integers(115, 200)), int(random.integers(25, 75)))))
    return found


def utterance(random, found, phrases):
    """One to five words of any voices with pauses, or a whole phrase; (text, sound)."""
    if phrases and random.random() < 0.3:
        text, sound = phrases[random.integers(len(phrases))]
        parts, words = [sound], text.split()
    else:
        chosen = [found[random.integers(len(found))] for _ in range(random.integers(1, 6))]
        words, parts = [word for word, _ in chosen], []
        for _, sound in chosen:
            parts += [sound * random.uniform(0.5, 1), silence(random, 0.02, 0.35)]
    sound = np.concatenate([silence(random, 0.05, 0.5), *parts, silence(random, 0.05, 0.5)])
    if random.random() < 0.5:
        sound = at_rate(at_rate(sound, RATE, 8000), 8000, RATE)
    # A little faster or slower, and higher or lower with it.
    sound = at_rate(sound, RATE, int(RATE * random.uniform(0.9, 1.1)))
    noise = random.standard_normal(len(sound)).astype(np.float32)
    if random.random() < 0.5:
        noise = np.cumsum(noise).astype(np.float32)
        noise = (noise - np.convolve(noise, np.ones(800) / 800, "same")) / 20
    return " ".join(words), sound + noise * 10 ** random.uniform(-4, -1.7)


def silence(random, least, most):
    return np.zeros(int(random.uniform(least, most) * RATE), dtype=np.float32)


def normalised(sound):
    return ((sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)).astype(np.float32)


def mel_weights():
    """Triangles of equal width on the mel scale, 60 to 7,600 Hz."""
    def mel(hertz):
        return 2595 * np.log10(1 + hertz / 700)
    edges = 700 * (10 ** (np.linspace(mel(60), mel(7600), BANDS + 2) / 2595) - 1)
    bins = np.arange(WINDOW // 2 + 1) * RATE / WINDOW
    rise = (bins[:, None] - edges[None, :-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[None, 2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    return torch.from_numpy(np.maximum(0, np.minimum(rise, fall)).astype(np.float32))


class Block(nn.Module):
    def __init__(self, channels, dilation):
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 5, padding=2 * dilation, dilation=dilation)
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x):
        return x + F.relu(self.norm(self.conv(x)))


class Recogniser(nn.Module):
    """Mel bands, fixed and computed in the graph; convolutions over 20 ms steps; a letter a step."""

    def __init__(self, channels=96):
        super().__init__()
        time_axis = torch.arange(WINDOW) * 2 * np.pi / WINDOW
        angles = torch.arange(WINDOW // 2 + 1)[:, None] * time_axis[None]
        hann = 0.5 - 0.5 * torch.cos(time_axis)
        self.register_buffer("waves", (torch.cat([angles.cos(), angles.sin()]) * hann)[:, None].float())
        self.register_buffer("mel", mel_weights())
        self.enter = nn.Conv1d(BANDS, channels, 5, padding=2)
        self.norm = nn.BatchNorm1d(channels)
        self.blocks = nn.Sequential(*[Block(channels, dilation) for dilation in (1, 2, 4, 1, 2)])
        self.leave = nn.Conv1d(channels, len(TOKENS), 1)

    def forward(self, input_values):
        both = F.conv1d(input_values[:, None], self.waves, stride=HOP)
        half = WINDOW // 2 + 1
        power = both[:, :half] ** 2 + both[:, half:] ** 2
        bands = torch.log(power.transpose(1, 2) @ self.mel + 1e-2).transpose(1, 2) * 0.3
        x = F.relu(self.norm(self.enter(bands)))
        return self.leave(self.blocks(x)).transpose(1, 2)


def letters(text):
    return [TOKENS.index("|" if letter == " " else letter) for letter in text]


def decode(logits):
    best = logits.argmax(-1).tolist()
    kept = [token for i, token in enumerate(best) if token and (i == 0 or token != best[i - 1])]
    return "".join(TOKENS[token] for token in kept).replace("|", " ").strip()


def errors(said, heard):
    """Words to insert, remove or replace."""
    said, heard = said.split(), heard.split()
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (word != other))
    return row[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for model.onnx, vocab.json, preprocessor_config.json")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--clips", type=int, default=1, help="of each word by each of 44 voices")
    parser.add_argument("--phrases", type=int, default=300, help="spoken without pauses")
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    random = np.random.default_rng(arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    found, held = clips(random, False, arguments.clips), clips(random, True, 1)
    voices = [voice for a in ACCENTS for v in VARIANTS if (voice := a + v) not in HELD_OUT]
    phrases, held_phrases = [], []
    for target, count, chosen in ((phrases, arguments.phrases, voices), (held_phrases, 60, sorted(HELD_OUT))):
        for _ in range(count):
            text = " ".join(random.choice(WORDS, random.integers(2, 6)))
            voice = chosen[random.integers(len(chosen))]
            target.append((text, speak(text, voice, int(random.integers(115, 190)), int(random.integers(25, 75)))))
    print(f"{len(found)} clips and {len(phrases)} phrases to learn, {len(held)} and {len(held_phrases)} kept apart", flush=True)
    model = Recogniser()
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-3)
    began, mean = time.process_time(), 3.0
    for step in range(arguments.steps):
        for group in optimiser.param_groups:
            group["lr"] = cosine_rate(step, arguments.steps, 2e-3)
        batch = [utterance(random, found, phrases) for _ in range(12)]
        sounds = [normalised(sound) for _, sound in batch]
        padded = np.zeros((len(batch), max(map(len, sounds))), dtype=np.float32)
        for i, sound in enumerate(sounds):
            padded[i, : len(sound)] = sound
        logits = model(torch.from_numpy(padded))
        lengths = torch.tensor([(len(sound) - WINDOW) // HOP + 1 for sound in sounds])
        targets = [letters(text) for text, _ in batch]
        loss = F.ctc_loss(
            logits.log_softmax(-1).transpose(0, 1), torch.tensor(sum(targets, [])), lengths,
            torch.tensor([len(target) for target in targets]), zero_infinity=True,
        )
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        mean += 0.02 * (loss.item() - mean)
        if step % 100 == 99:
            print(f"step {step + 1} loss {mean:.4f} seconds {time.process_time() - began:.0f}", flush=True)
    model.eval()
    with torch.no_grad():
        for name, source in (("joined words", [utterance(random, held, []) for _ in range(150)]),
                             ("phrases", [(text, np.pad(sound, 4000)) for text, sound in held_phrases])):
            wrong = sum(errors(text, decode(model(torch.from_numpy(normalised(sound))[None])[0])) for text, sound in source)
            words = sum(len(text.split()) for text, _ in source)
            print(f"voices kept apart, {name}: {wrong} of {words} words wrong ({wrong / words * 100:.1f} %)", flush=True)
    print(f"{sum(p.numel() for p in model.parameters())} parameters")
    torch.onnx.export(
        model, (torch.randn(1, RATE),), str(arguments.out / "model.onnx"), input_names=["input_values"],
        output_names=["logits"], opset_version=15,
        dynamic_axes={"input_values": {0: "batch", 1: "samples"}, "logits": {0: "batch", 1: "steps"}},
    )
    (arguments.out / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(TOKENS)}, indent=2) + "\n")
    (arguments.out / "preprocessor_config.json").write_text(json.dumps({
        "feature_extractor_type": "Wav2Vec2FeatureExtractor", "sampling_rate": RATE, "feature_size": 1,
        "do_normalize": True, "padding_value": 0.0, "return_attention_mask": False,
    }, indent=2) + "\n")


if __name__ == "__main__":
    main()
