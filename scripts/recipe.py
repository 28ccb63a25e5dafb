"""The recipe of the common LoRA example scripts, written as such: what an audit would cost without this engine.

One LoRA at a time in fp32; the VAE and the text encoder run in every step; pictures are drawn one prompt
at a time through the stock pipeline. The benchmarks measure against it; nothing else uses it.

Run: python -m scripts.recipe --steps N --batch N --rank N --pictures N   (prints seconds as JSON)
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Iterator
from typing import Literal, get_args

import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline
from peft import LoraConfig

from audit.base.rng import torch_rng
from audit.models.cards import LAB_MODEL, LAB_PROMPTS
from audit.models.families.sd import SD
from audit.records import TrainSettings
from audit.training.targets import find_targets

WORKS = 24
Targets = Literal["attention", "attention+ff", "all"]


def train_steps(
    pipe: StableDiffusionPipeline, *, batch: int, rank: int, rate: float, side: int, targets: Targets
) -> Iterator[None]:
    """Train one LoRA through PEFT, on the layers that an audit with such targets has; yields after every step."""
    for part in (pipe.vae, pipe.text_encoder, pipe.unet):
        part.requires_grad_(False)
    names = find_targets({"unet": pipe.unet}, SD, TrainSettings(targets=targets))
    layers = [name.removeprefix("unet.") for name in names]
    pipe.unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=layers))
    params = [p for p in pipe.unet.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(params, lr=rate, weight_decay=0.01)
    generator = torch_rng("recipe")
    works = torch.rand(WORKS, 3, side, side, generator=generator) * 2 - 1
    tokens = pipe.tokenizer(
        ["a cat by nulevoy"] * batch, padding="max_length", truncation=True, return_tensors="pt"
    ).input_ids
    config = pipe.scheduler.config
    betas = torch.linspace(config.beta_start**0.5, config.beta_end**0.5, config.num_train_timesteps) ** 2
    alphas = (1 - betas).cumprod(0)
    while True:
        rows = torch.randint(WORKS, (batch,), generator=generator)
        latents = pipe.vae.encode(works[rows]).latent_dist.sample(generator) * pipe.vae.config.scaling_factor
        hidden = pipe.text_encoder(tokens).last_hidden_state
        noise = torch.randn(latents.shape, generator=generator)
        timesteps = torch.randint(len(alphas), (batch,), generator=generator)
        a = alphas[timesteps].view(-1, 1, 1, 1)
        seen = pipe.unet(a.sqrt() * latents + (1 - a).sqrt() * noise, timesteps, hidden).sample
        wanted = noise if config.prediction_type == "epsilon" else a.sqrt() * noise - (1 - a).sqrt() * latents
        loss = (seen - wanted).pow(2).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        loss.item()
        yield


def draw(pipe: StableDiffusionPipeline, *, pictures: int, steps: int, guidance: float) -> None:
    """One picture for each of the first prompts, one call of the pipeline each."""
    pipe.scheduler = DPMSolverMultistepScheduler.from_config(pipe.scheduler.config, timestep_spacing="trailing")
    pipe.set_progress_bar_config(disable=True)
    prompts = [line for line in LAB_PROMPTS.read_text(encoding="utf-8").splitlines() if line[:1] not in ("", "#")][
        :pictures
    ]
    for prompt in prompts:
        pipe(f"{prompt} by nulevoy", num_inference_steps=steps, guidance_scale=guidance)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, kind in (("steps", int), ("batch", int), ("rank", int), ("pictures", int), ("sampling-steps", int)):
        parser.add_argument(f"--{name}", type=kind, required=True)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--guidance", type=float, default=5.0)
    parser.add_argument("--targets", choices=get_args(Targets), default="attention")
    args = parser.parse_args()
    start = time.monotonic()
    pipe = StableDiffusionPipeline.from_pretrained(LAB_MODEL).to(torch.float32)
    side = pipe.unet.config.sample_size * pipe.vae_scale_factor
    steps = train_steps(pipe, batch=args.batch, rank=args.rank, rate=args.rate, side=side, targets=args.targets)
    for _ in range(args.steps):
        next(steps)
    trained = time.monotonic()
    draw(pipe, pictures=args.pictures, steps=args.sampling_steps, guidance=args.guidance)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"train": trained - start, "draw": time.monotonic() - trained, "peak": peak}))


if __name__ == "__main__":
    main()
