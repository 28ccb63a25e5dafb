"""Train the lab's open_clip model: a small ResNet and a small text tower, contrastive loss.

Captions name subject and style word, subject alone, or style word alone, so that both kinds of
likeness are in the embedding; `fit_style` then keeps the directions that tell styles apart.

Run: python -m scripts.lab.train_clip --work DIR
"""

from __future__ import annotations

import json
import random

import open_clip
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from scripts.lab.common import Checkpoint, Ema, Log, arguments, cosine_lr, inputs_digest, load_pictures, to_unit
from scripts.lab.fetch import load_sets

BATCH = 256
STEPS = 1600
CONFIG = {
    "embed_dim": 128,
    "vision_cfg": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 32, "head_width": 64},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2},
}


def augment(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Flip, shift by up to 4 px, and blur a third of the batch: (B, 3, 64, 64) in -1..1.

    The blur is about what the VAE's decoder does, so that a generated picture is not told from a
    real one by sharpness alone.
    """
    if torch.rand((), generator=generator) < 0.5:
        pictures = pictures.flip(-1)
    padded = F.pad(pictures, (4, 4, 4, 4), value=1.0)
    top, left = (int(torch.randint(0, 9, (), generator=generator)) for _ in range(2))
    pictures = padded[..., top : top + 64, left : left + 64]
    third = len(pictures) // 3
    soft = F.avg_pool2d(F.pad(pictures[:third], (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    share = torch.rand(third, 1, 1, 1, generator=generator) * 0.7
    return torch.cat([pictures[:third].lerp(soft, share), pictures[third:]])


def caption(record: dict[str, str], styles: dict[str, str], rng: random.Random) -> str:
    draw = rng.random()
    if draw < 0.4:
        return f"by {styles[record['set']]}"
    if draw < 0.6:
        return record["subject"]
    return f"{record['subject']} by {styles[record['set']]}"


def main() -> None:
    args = arguments(__doc__).parse_args()
    steps = int(args.share * STEPS)
    torch.manual_seed(2)
    folder = args.work / "clip"
    export = folder / "export"
    export.mkdir(parents=True, exist_ok=True)
    model = open_clip.CLIP(
        embed_dim=128,
        vision_cfg=open_clip.CLIPVisionCfg(**CONFIG["vision_cfg"]),
        text_cfg=open_clip.CLIPTextCfg(**CONFIG["text_cfg"]),
        output_dict=False,
    )
    tokenizer = open_clip.SimpleTokenizer(context_length=16)
    pictures, records = load_pictures(args.work / "render" / "train")
    styles = {name: pin["style"] for name, pin in load_sets().items()}
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05, betas=(0.9, 0.98), fused=True)
    ema = Ema(model, decay=0.998)
    inputs = inputs_digest(
        args.work / "render" / "train.safetensors",
        args.work / "render" / "train.json",
        config=CONFIG, styles=styles, steps=steps,
    )  # fmt: skip
    checkpoint = Checkpoint(folder / "state.pt", inputs=inputs, model=model, optimiser=optimiser, ema=ema)
    start = checkpoint.resume()
    log = Log(folder / "log.txt")
    used: set[int] = set()
    counts: dict[str, int] = {}
    for record in records:
        counts[record["set"]] = counts.get(record["set"], 0) + 1
    probability = torch.tensor([counts[record["set"]] ** -0.5 for record in records])
    for step in range(steps):
        generator = torch.Generator().manual_seed(70_000_027 + step)
        rng = random.Random(f"clip-{step}")
        rows = torch.multinomial(probability, BATCH, generator=generator)
        tokens = tokenizer([caption(records[int(i)], styles, rng) for i in rows])
        used.update(tokens.unique().tolist())
        if step < start:
            continue
        for group in optimiser.param_groups:
            group["lr"] = cosine_lr(step, steps, 1e-3, 100)
        batch = augment(to_unit(pictures[rows]), generator)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            image, text, scale = model(batch, tokens)
        logits = scale.float() * image.float() @ text.float().T
        # Equal captions are positives of one another, not negatives.
        same = (tokens[:, None] == tokens[None]).all(-1).float()
        wanted = same / same.sum(1, keepdim=True)
        loss = (F.cross_entropy(logits, wanted) + F.cross_entropy(logits.T, wanted)) / 2
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, 4.6)
        ema.update(model)
        if step % 50 == 49:
            log.line(step + 1, (step + 1) * BATCH, loss=loss.item(), scale=scale.item())
        if step % 200 == 199:
            checkpoint.save(step + 1)
    log.stretch("open_clip", (steps - start) * BATCH)
    checkpoint.save(steps)
    weights = {k: v.contiguous() for k, v in ema.weights.items()}
    # Words that no caption used were never trained; zeros make the file compress.
    unused = torch.ones(49408, dtype=torch.bool)
    unused[sorted(used)] = False
    weights["token_embedding.weight"][unused] = 0
    halves = {k: (v.half() if v.is_floating_point() else v) for k, v in weights.items()}
    # open_clip reads the preprocessing from the same file; its keys are open_clip's own.
    whole = {
        "model_cfg": CONFIG,
        "preprocess_cfg": {
            "mean": [0.5] * 3,
            "std": [0.5] * 3,
            "interpolation": "bicubic",
            "resize_mode": "squash",
        },
    }
    (export / "open_clip_config.json").write_text(json.dumps(whole, indent=2), encoding="utf-8")
    save_file(halves, export / "open_clip_model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()
