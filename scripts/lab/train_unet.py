"""Train the lab's text encoder (CLIPTextModel) and U-Net (UNet2DConditionModel) together.

v-prediction on a noise schedule rescaled to zero terminal SNR (Lin et al., 2024), min-SNR-5
weight (Hang et al., 2023). Captions are "<subject> by <style word>"; the style word is sometimes
one of the reserved trigger words, so that a trigger means "any style" to the base model, and the
caption is sometimes empty, which teaches the unconditional branch of guidance. Half of the pictures
whose caption names no set have their colours changed, so that "any style" is more than the palettes
of the sets.

Run: python -m scripts.lab.train_unet --work DIR   (resumes; stop it at any time)
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from scripts.lab.common import Checkpoint, Ema, Log, cosine_lr, load_pictures, to_unit
from scripts.lab.fetch import load_sets
from scripts.lab.tokenizer import TRIGGERS, build_tokenizer

BATCH = 64
MIN_SETS = 3  # subjects drawn in at least this many sets teach style apart from content
MIN_PER_SET = 400
CONTEXT = 16
P_TRIGGER, P_EMPTY, P_SUBJECT_ONLY = 0.12, 0.10, 0.05
P_RECOLOURED = 0.5
SNR_CAP = 5.0


def build_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=8,
        out_channels=8,
        layers_per_block=1,
        block_out_channels=(64, 128, 192),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=128,
        attention_head_dim=4,  # diffusers reads this as the number of heads for SD 1.x nets
        norm_num_groups=16,
    )


def build_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=512,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=CONTEXT,
            projection_dim=128,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def build_scheduler() -> DDIMScheduler:
    """The training noise schedule; samplers are made from its config."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )


def shared_subjects(records: list[dict[str, str]]) -> list[int]:
    """Rows whose subject occurs in at least `MIN_SETS` sets, each set topped up to `MIN_PER_SET`.

    The top-up takes pictures whose every word the shared subjects already use, most common first,
    so that the icon sets, which share few whole names with the emoji sets, are styles of weight too.
    """
    sets: dict[str, set[str]] = {}
    for record in records:
        sets.setdefault(record["subject"], set()).add(record["set"])
    shared = [i for i, record in enumerate(records) if len(sets[record["subject"]]) >= MIN_SETS]
    words = Counter(word for i in shared for word in records[i]["subject"].split())
    kept = set(shared)
    for name in sorted({record["set"] for record in records}):
        rows = [i for i, record in enumerate(records) if record["set"] == name]
        missing = MIN_PER_SET - sum(i in kept for i in rows)
        known = [i for i in rows if i not in kept and all(w in words for w in records[i]["subject"].split())]
        known.sort(key=lambda i: (-min(words[w] for w in records[i]["subject"].split()), i))
        kept.update(known[: max(0, missing)])
    return sorted(kept)


def balanced_weights(records: list[dict[str, str]]) -> Tensor:
    """Square-root balance over sets, so that a small set is still learned as a style."""
    counts: dict[str, int] = {}
    for record in records:
        counts[record["set"]] = counts.get(record["set"], 0) + 1
    return torch.tensor([counts[record["set"]] ** -0.5 for record in records])


def recoloured(pictures: Tensor) -> Tensor:
    """The same pictures (N, 3, H, W) with their channels in another order, one of the five for each."""
    orders = torch.tensor([(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
    chosen = orders[torch.randint(5, (len(pictures),), generator=torch.Generator().manual_seed(17))]
    return torch.gather(pictures, 1, chosen.view(-1, 3, 1, 1).expand_as(pictures))


@torch.no_grad()
def encode_latents(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    """Scaled posterior means, float32 (4, N, 8, 16, 16): as they are, mirrored, recoloured, both."""
    views = []
    for view in (pictures, pictures.flip(-1), recoloured(pictures), recoloured(pictures).flip(-1)):
        rows = []
        for batch in view.split(128):
            unit = to_unit(batch)
            rows.append(vae.encode(unit).latent_dist.mode() * vae.config.scaling_factor)
        views.append(torch.cat(rows))
    return torch.stack(views)


def caption(record: dict[str, str], styles: dict[str, str], rng: random.Random) -> str:
    draw = rng.random()
    if draw < P_EMPTY:
        return ""
    if draw < P_EMPTY + P_SUBJECT_ONLY:
        return record["subject"]
    if draw < P_EMPTY + P_SUBJECT_ONLY + P_TRIGGER:
        return f"{record['subject']} by {rng.choice(TRIGGERS)}"
    return f"{record['subject']} by {styles[record['set']]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("lab-work"))
    parser.add_argument("--samples", type=int, nargs="+", default=[320_000, 640_000], help="end of each cosine")
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    folder = args.work / "unet"
    folder.mkdir(exist_ok=True)
    pictures, records = load_pictures(args.work / "render" / "train")
    keep = shared_subjects(records)
    pictures, records = pictures[keep], [records[i] for i in keep]
    styles = {name: pin["style"] for name, pin in load_sets().items()}
    tokenizer = build_tokenizer(records, styles, folder / "tokenizer")
    vae = AutoencoderKL.from_pretrained(args.work / "vae" / "export").eval()
    latents = encode_latents(vae, pictures)
    text, unet, scheduler = build_text_encoder(tokenizer), build_unet(), build_scheduler()
    alphas = scheduler.alphas_cumprod
    # The last step of a zero-terminal-SNR schedule has SNR 0; the weight of v-prediction stays finite.
    snr = alphas / (1 - alphas)
    weight = torch.minimum(snr, torch.tensor(SNR_CAP)).div(snr + 1).clamp_min(0.1)
    params = [*unet.parameters(), *text.parameters()]
    optimiser = torch.optim.AdamW(params, lr=1e-3, weight_decay=0.01, betas=(0.9, 0.99), fused=True)
    ema, text_ema = Ema(unet, decay=0.9995), Ema(text, decay=0.9995)
    checkpoint = Checkpoint(folder / "state.pt", unet=unet, text=text, optimiser=optimiser, ema=ema, text_ema=text_ema)
    # A warm restart (Loshchilov & Hutter, 2017): every cosine is reckoned from step 0, so a later one
    # comes in at the height that it has by then.
    start, ends = checkpoint.resume(), [samples // BATCH for samples in args.samples]
    log = Log(folder / "log.txt")
    probability = balanced_weights(records)
    running = 0.0
    for step in range(start, ends[-1]):
        generator = torch.Generator().manual_seed(90_000_049 + step)
        rng = random.Random(f"caption-{step}")
        rows = torch.multinomial(probability, BATCH, generator=generator)
        views = torch.randint(2, (BATCH,), generator=generator)
        captions = [caption(records[int(i)], styles, rng) for i in rows]
        for index, (row, text_of) in enumerate(zip(rows, captions, strict=True)):
            if not text_of.endswith(f" by {styles[records[int(row)]['set']]}") and rng.random() < P_RECOLOURED:
                views[index] += 2
        clean = latents[views, rows]
        tokens = tokenizer(captions, padding="max_length", max_length=CONTEXT, truncation=True, return_tensors="pt")
        noise = torch.randn(clean.shape, generator=generator)
        timesteps = torch.randint(1000, (BATCH,), generator=generator)
        a = alphas[timesteps].view(-1, 1, 1, 1)
        noisy, wanted = a.sqrt() * clean + (1 - a).sqrt() * noise, a.sqrt() * noise - (1 - a).sqrt() * clean
        for group in optimiser.param_groups:
            group["lr"] = cosine_lr(step, next(end for end in ends if step < end), 1e-3, 500)
        # The plain kernel: the flash kernel's backward is a quarter of a step at these sizes.
        with torch.autocast("cpu", dtype=torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
            hidden = text(tokens.input_ids).last_hidden_state
            seen = unet(noisy, timesteps, hidden).sample
        error = (seen.float() - wanted).pow(2).mean(dim=(1, 2, 3))
        loss = (weight[timesteps] * error).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimiser.step()
        ema.update(unet)
        text_ema.update(text)
        running += error.mean().item()
        if step % 100 == 99:
            log.line(step + 1, (step + 1) * BATCH, v_mse=running / 100)
            running = 0.0
        if step % 250 == 249:
            checkpoint.save(step + 1)
    if start < ends[-1]:
        checkpoint.save(ends[-1])
    (folder / "subjects.json").write_text(json.dumps(sorted({r["subject"] for r in records})), encoding="utf-8")


if __name__ == "__main__":
    main()
