"""A small UNet and the noise schedule that the diffusion models of this repository share."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class Schedule:
    """Noise levels as diffusers' DDIM and DDPM schedulers compute them."""

    def __init__(self, steps=1000, beta_start=0.00085, beta_end=0.012, kind="scaled_linear"):
        self.config = {
            "num_train_timesteps": steps,
            "beta_start": beta_start,
            "beta_end": beta_end,
            "beta_schedule": kind,
            "prediction_type": "v_prediction",
            "clip_sample": False,
            "set_alpha_to_one": False,
            "steps_offset": 0,
            "timestep_spacing": "trailing",
        }
        if kind == "scaled_linear":
            betas = torch.linspace(beta_start**0.5, beta_end**0.5, steps, dtype=torch.float64) ** 2
        elif kind == "squaredcos_cap_v2":

            def bar(t):
                return math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2

            betas = torch.tensor(
                [min(1 - bar((i + 1) / steps) / bar(i / steps), 0.999) for i in range(steps)], dtype=torch.float64
            )
        else:
            betas = torch.linspace(beta_start, beta_end, steps, dtype=torch.float64)
        self.steps = steps
        self.alphas = torch.cumprod(1 - betas, 0).float()

    def add_noise(self, clean, noise, timestep):
        alpha = self.alphas[timestep].view(-1, 1, 1, 1)
        return alpha.sqrt() * clean + (1 - alpha).sqrt() * noise

    def velocity(self, clean, noise, timestep):
        alpha = self.alphas[timestep].view(-1, 1, 1, 1)
        return alpha.sqrt() * noise - (1 - alpha).sqrt() * clean

    def sample(self, predict, noise, steps):
        """DDIM without added noise, timesteps spaced `trailing`."""
        times = [round(self.steps - i * self.steps / steps) - 1 for i in range(steps)]
        x = noise
        for index, time in enumerate(times):
            alpha = self.alphas[time]
            before = self.alphas[times[index + 1]] if index + 1 < steps else self.alphas[0]
            v = predict(x, torch.full((x.shape[0],), time, dtype=torch.int64))
            clean = alpha.sqrt() * x - (1 - alpha).sqrt() * v
            eps = alpha.sqrt() * v + (1 - alpha).sqrt() * x
            x = before.sqrt() * clean + (1 - before).sqrt() * eps
        return x


class ResBlock(nn.Module):
    def __init__(self, channels_in, channels, embedding):
        super().__init__()
        self.norm1 = nn.GroupNorm(8, channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.embed = nn.Linear(embedding, channels * 2)
        self.norm2 = nn.GroupNorm(8, channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)
        self.skip = nn.Conv2d(channels_in, channels, 1) if channels_in != channels else nn.Identity()

    def forward(self, x, embedding):
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.embed(embedding)[:, :, None, None].chunk(2, 1)
        h = self.conv2(F.silu(self.norm2(h) * (1 + scale) + shift))
        return self.skip(x) + h


class Attention(nn.Module):
    """Attention from the cells of a picture to `context` (tokens), or to themselves where there is none."""

    def __init__(self, channels, context=None, heads=4):
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(8, channels)
        self.query = nn.Linear(channels, channels)
        self.key_value = nn.Linear(context or channels, channels * 2)
        self.out = nn.Linear(channels, channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x, context=None):
        batch, channels, height, width = x.shape
        cells = self.norm(x).flatten(2).transpose(1, 2)
        key, value = self.key_value(cells if context is None else context).chunk(2, -1)
        query, key, value = (
            part.reshape(batch, -1, self.heads, channels // self.heads).transpose(1, 2)
            for part in (self.query(cells), key, value)
        )
        weights = (query @ key.transpose(-1, -2) / math.sqrt(channels // self.heads)).softmax(-1)
        mixed = (weights @ value).transpose(1, 2).reshape(batch, -1, channels)
        return x + self.out(mixed).transpose(1, 2).reshape(batch, channels, height, width)


class UNet(nn.Module):
    """Two levels. `patch` folds squares of pixels into channels first, which costs little and keeps convolutions small."""

    def __init__(self, channels, base, context=None, patch=1):
        super().__init__()
        self.patch = patch
        folded = channels * patch * patch
        embedding = base * 2
        self.register_buffer("frequencies", torch.exp(-math.log(10000) * torch.arange(base // 2) / (base // 2)))
        self.time = nn.Sequential(nn.Linear(base, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.pooled = nn.Linear(context, embedding) if context else None
        self.enter = nn.Conv2d(folded, base, 3, padding=1)
        self.first = ResBlock(base, base, embedding)
        self.first_text = Attention(base, context) if context else None
        self.down = nn.Conv2d(base, base, 3, stride=2, padding=1)
        self.low = ResBlock(base, base * 2, embedding)
        self.low_self = Attention(base * 2)
        self.low_text = Attention(base * 2, context) if context else None
        self.low_out = ResBlock(base * 2, base * 2, embedding)
        self.up = nn.Conv2d(base * 2, base, 3, padding=1)
        self.last = ResBlock(base * 2, base, embedding)
        self.last_text = Attention(base, context) if context else None
        self.last_out = ResBlock(base, base, embedding)
        self.norm = nn.GroupNorm(8, base)
        self.leave = nn.Conv2d(base, folded, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, sample, timestep, encoder_hidden_states=None):
        context = encoder_hidden_states
        angles = timestep.float()[:, None] * self.frequencies[None]
        embedding = self.time(torch.cat([angles.sin(), angles.cos()], 1))
        if context is not None:
            embedding = embedding + self.pooled(context.mean(1))
        embedding = F.silu(embedding)
        x = self.enter(F.pixel_unshuffle(sample, self.patch) if self.patch > 1 else sample)
        x = self.first(x, embedding)
        if context is not None:
            x = self.first_text(x, context)
        h = self.low(self.down(x), embedding)
        h = self.low_self(h)
        if context is not None:
            h = self.low_text(h, context)
        h = self.low_out(h, embedding)
        h = self.up(F.interpolate(h, scale_factor=2.0, mode="nearest"))
        x = self.last(torch.cat([x, h], 1), embedding)
        if context is not None:
            x = self.last_text(x, context)
        x = self.last_out(x, embedding)
        x = self.leave(F.silu(self.norm(x)))
        return F.pixel_shuffle(x, self.patch) if self.patch > 1 else x


class Average:
    """Exponential moving average of a model's weights: what is exported."""

    def __init__(self, model, decay):
        self.decay = decay
        self.steps = 0
        self.shadow = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model):
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, value in model.state_dict().items():
            if value.dtype.is_floating_point:
                self.shadow[name].lerp_(value, 1 - decay)


def cosine_rate(step, total, peak, warm_up=50):
    """Learning rate: a short rise, then half a cosine down to nearly nothing."""
    if step < warm_up:
        return peak * (step + 1) / warm_up
    return peak * (0.01 + 0.99 * (1 + math.cos(math.pi * (step - warm_up) / max(1, total - warm_up))) / 2)
