"""Train the lab's text encoder (CLIPTextModel) and U-Net (UNet2DConditionModel) together.

v-prediction on a noise schedule rescaled to zero terminal SNR (Lin et al., 2024), min-SNR-5
weight (Hang et al., 2023). Captions are "<subject> by <style word>"; the style word is sometimes
one of the reserved trigger words, so that a trigger means "any style" to the base model, and the
caption is sometimes empty, which teaches the unconditional branch of guidance. Half of the pictures
whose caption names no set have their colours changed, so that "any style" is more than the palettes
of the sets.

The first two stages are AdamW's. The third is Muon's (Jordan et al., 2024; scaled to AdamW's steps as by Liu et
al., 2025): from the same weights and samples it came further (docs/decisions, 2026-11-22).

Run: python -m scripts.lab.train_unet --work DIR [--ranks 2]   (resumes; stop it at any time)
"""

from __future__ import annotations

import json
import os
import random
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor, distributed, multiprocessing, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import CLIPTokenizer

from scripts.lab.common import Checkpoint, Ema, Log, arguments, cosine_lr, inputs_digest, load_pictures, to_unit
from scripts.lab.fetch import load_sets
from scripts.lab.nets import CONTEXT, build_scheduler, build_text_encoder, build_unet
from scripts.lab.tokenizer import TRIGGERS, build_tokenizer

BATCH = 64
MIN_SETS = 3  # subjects drawn in at least this many sets teach style apart from content
MIN_PER_SET = 400
P_TRIGGER, P_EMPTY, P_SUBJECT_ONLY = 0.12, 0.10, 0.05
P_RECOLOURED = 0.5
SNR_CAP = 5.0
SAVE_EVERY = 250
"""Batches between checkpoints."""
AVERAGE = 0.9995
"""Decay of the averaged weights for a batch."""


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


@dataclass(frozen=True)
class Stage:
    """A stretch of training under one cosine.

    Attributes:
        end: samples seen since the first step when it ends.
        cosine_from: samples at which its cosine begins, with optimisers that begin there too; 0 for a warm restart
            (Loshchilov & Hutter, 2017), which comes in at the height that a cosine from the first step has by then.
        batches: batches of `BATCH` to one update.
        optimiser: "adamw", or "muon" for all weights but embeddings, norms, biases and the outer convolutions.
        peak: learning rate.
        warmup: updates before the peak is reached.
    """

    end: int
    cosine_from: int
    batches: int
    optimiser: str
    peak: float
    warmup: int

    def rate(self, number: int) -> float:
        """Learning rate at a batch number."""
        since, whole = number * BATCH - self.cosine_from, self.end - self.cosine_from
        update = BATCH * self.batches
        return cosine_lr(since // update, whole // update, self.peak, self.warmup)


STAGES = (
    Stage(end=320_000, cosine_from=0, batches=1, optimiser="adamw", peak=1e-3, warmup=500),
    Stage(end=640_000, cosine_from=0, batches=1, optimiser="adamw", peak=1e-3, warmup=500),
    Stage(end=1_120_000, cosine_from=640_000, batches=2, optimiser="muon", peak=5e-4, warmup=100),
)


def shortened(share: float) -> tuple[Stage, ...]:
    """The stages with so much of their samples, in whole updates; all of them at 1."""
    whole = BATCH * max(stage.batches for stage in STAGES)

    def part(samples: int) -> int:
        return round(share * samples / whole) * whole

    return tuple(replace(s, end=part(s.end), cosine_from=part(s.cosine_from)) for s in STAGES)


Batch = tuple[Tensor, Tensor, Tensor, Tensor]


class Lesson:
    """Batches of the training pictures: a number means the same batch however many processes there are."""

    def __init__(self, work: Path, *, share: float = 1.0) -> None:
        pictures, records = load_pictures(work / "render" / "train")
        self.inputs = inputs_digest(
            work / "render" / "train.safetensors",
            work / "render" / "train.json",
            work / "vae" / "export" / "diffusion_pytorch_model.safetensors",
            work / "vae" / "export" / "config.json",
            styles=load_sets(),
            share=share,
        )
        keep = shared_subjects(records)
        self.records = [records[i] for i in keep]
        self.styles = {name: pin["style"] for name, pin in load_sets().items()}
        self.tokenizer = build_tokenizer(self.records, self.styles, work / "unet" / "tokenizer")
        vae = AutoencoderKL.from_pretrained(work / "vae" / "export").eval()
        self.latents = encode_latents(vae, pictures[keep])
        self.probability = balanced_weights(self.records)

    def batch(self, number: int) -> Batch:
        """Latents (B, 8, 16, 16), token ids (B, 16), noise like the latents, timesteps (B,)."""
        generator = torch.Generator().manual_seed(90_000_049 + number)
        rng = random.Random(f"caption-{number}")
        rows = torch.multinomial(self.probability, BATCH, generator=generator)
        views = torch.randint(2, (BATCH,), generator=generator)
        captions = [caption(self.records[int(i)], self.styles, rng) for i in rows]
        for index, (row, text_of) in enumerate(zip(rows, captions, strict=True)):
            style = self.styles[self.records[int(row)]["set"]]
            if not text_of.endswith(f" by {style}") and rng.random() < P_RECOLOURED:
                views[index] += 2
        tokens = self.tokenizer(
            captions, padding="max_length", max_length=CONTEXT, truncation=True, return_tensors="pt"
        ).input_ids
        clean = self.latents[views, rows]
        noise = torch.randn(clean.shape, generator=generator)
        return clean, tokens, noise, torch.randint(1000, (BATCH,), generator=generator)

    def part(self, first: int, batches: int, rank: int, ranks: int) -> Batch:
        """The rows of some batches, from number `first` on, that fall to one process."""
        several = [self.batch(first + k) for k in range(batches)]
        clean, tokens, noise, timesteps = (torch.cat(part)[rank::ranks] for part in zip(*several, strict=True))
        return clean, tokens, noise, timesteps


class Student:
    """U-Net and text encoder that learn together."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        self.text, self.unet = build_text_encoder(tokenizer), build_unet()
        self.alphas = build_scheduler().alphas_cumprod
        # The last step of a zero-terminal-SNR schedule has SNR 0; the weight of v-prediction stays finite.
        snr = self.alphas / (1 - self.alphas)
        self.weight = torch.minimum(snr, torch.tensor(SNR_CAP)).div(snr + 1).clamp_min(0.1)
        self.named = [*self.unet.named_parameters(), *self.text.named_parameters()]
        self.params = [parameter for _, parameter in self.named]

    def losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean weighted and mean plain squared error of v."""
        clean, tokens, noise, timesteps = batch
        a = self.alphas[timesteps].view(-1, 1, 1, 1)
        noisy, wanted = a.sqrt() * clean + (1 - a).sqrt() * noise, a.sqrt() * noise - (1 - a).sqrt() * clean
        # The plain kernel: the flash kernel's backward is a quarter of a step at these sizes.
        with torch.autocast("cpu", dtype=torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
            seen = self.unet(noisy, timesteps, self.text(tokens).last_hidden_state).sample
        error = (seen.float() - wanted).pow(2).mean(dim=(1, 2, 3))
        return (self.weight[timesteps] * error).mean(), error.mean()


class Moving:
    """What moves the weights in a stage; its optimisers, by their names in the checkpoint, have all weights once."""

    def __init__(self, student: Student, stage: Stage) -> None:
        self.student = student
        hidden = [p for name, p in student.named if _hidden(name, p)] if stage.optimiser == "muon" else []
        inside = {id(p) for p in hidden}
        first = [p for p in student.params if id(p) not in inside]
        self.parts: dict[str, torch.optim.Optimizer] = {
            "optimiser": torch.optim.AdamW(first, lr=stage.peak, weight_decay=0.01, betas=(0.9, 0.99), fused=True)
        }
        # PyTorch's Muon takes matrices; these share their memory with the convolutions, a row for each output.
        self.matrices = [(p, nn.Parameter(p.detach().flatten(1))) for p in hidden]
        if hidden:
            self.parts["muon"] = torch.optim.Muon(
                [flat for _, flat in self.matrices],
                lr=stage.peak,
                weight_decay=0.01,
                momentum=0.95,
                adjust_lr_fn="match_rms_adamw",
            )

    def step(self, rate: float, ranks: int) -> None:
        """One update from the gradients that are there; clears them."""
        if ranks > 1:
            share_gradients(self.student.params, ranks)
        torch.nn.utils.clip_grad_norm_(self.student.params, 1.0)
        for weight, flat in self.matrices:
            flat.grad = None if weight.grad is None else weight.grad.flatten(1)
        for optimiser in self.parts.values():
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.step()
        for parameter in self.student.params:
            parameter.grad = None


def _hidden(name: str, parameter: nn.Parameter) -> bool:
    """Whether a weight is a hidden layer's matrix or convolution."""
    return parameter.ndim > 1 and not name.startswith(("conv_in", "conv_out", "embeddings"))


def share_gradients(params: Sequence[nn.Parameter], ranks: int) -> None:
    """Put the mean of all processes' gradients into every process."""
    grads = [p.grad for p in params if p.grad is not None]
    flat = torch.cat([grad.flatten() for grad in grads])
    distributed.all_reduce(flat)
    pieces = flat.div_(ranks).split([grad.numel() for grad in grads])
    torch._foreach_copy_(grads, [piece.view_as(grad) for piece, grad in zip(pieces, grads, strict=True)])


def learn(rank: int, lesson: Lesson, folder: Path, stages: Sequence[Stage], ranks: int, threads: int) -> None:
    """Train to the end of the last stage, or go on from a checkpoint; `ranks` processes share every update."""
    if threads:
        torch.set_num_threads(threads)
    if ranks > 1:
        # A core for each: processes that wander over the same cores wait for each other.
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[rank % len(cores)]})
        distributed.init_process_group("gloo", init_method="env://", rank=rank, world_size=ranks)
    torch.manual_seed(1)
    student = Student(lesson.tokenizer)
    averages = {"ema": Ema(student.unet, decay=AVERAGE), "text_ema": Ema(student.text, decay=AVERAGE)}
    parts = {"unet": student.unet, "text": student.text, **averages}
    log = Log(folder / "log.txt") if rank == 0 else None
    moving = None
    begin = 0
    for stage in stages:
        anew = stage.cosine_from > 0
        if moving is None or anew:
            moving = Moving(student, stage)
        checkpoint = Checkpoint(folder / "state.pt", inputs=lesson.inputs, **parts, **moving.parts)
        number, end = checkpoint.step(), stage.end // BATCH
        if number < end:
            # At its very beginning a stage takes the weights over, not what moved them before.
            checkpoint.resume(without=tuple(moving.parts) if number == begin and anew else ())
            if log:
                log.stretch("", 0)
            _stage(stage, number, lesson, student, averages, moving, checkpoint, log, rank=rank, ranks=ranks)
            if log:
                log.stretch(f"U-Net by {stage.optimiser}", (end - number) * BATCH)
        begin = end
    if rank == 0:
        subjects = sorted({r["subject"] for r in lesson.records})
        (folder / "subjects.json").write_text(json.dumps(subjects), encoding="utf-8")


def _stage(
    stage: Stage,
    number: int,
    lesson: Lesson,
    student: Student,
    averages: dict[str, Ema],
    moving: Moving,
    checkpoint: Checkpoint,
    log: Log | None,
    *,
    rank: int,
    ranks: int,
) -> None:
    """Train from a batch number to the end of a stage."""
    running, seen = 0.0, 0
    for first in range(number, stage.end // BATCH, stage.batches):
        loss, plain = student.losses(lesson.part(first, stage.batches, rank, ranks))
        loss.backward()
        moving.step(stage.rate(first), ranks)
        averages["ema"].update(student.unet, batches=stage.batches)
        averages["text_ema"].update(student.text, batches=stage.batches)
        running, seen, done = running + plain.item(), seen + 1, first + stage.batches
        if log and done % 100 < stage.batches:
            log.line(done, done * BATCH, v_mse=running / seen)
            running, seen = 0.0, 0
        if done % SAVE_EVERY < stage.batches or done >= stage.end // BATCH:
            if rank == 0:
                checkpoint.save(done)
            if ranks > 1:
                distributed.barrier()


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--stages", type=int, default=len(STAGES), help="how many of the stages")
    parser.add_argument("--ranks", type=int, default=1, help="processes that share every update, a core for each")
    parser.add_argument("--threads", type=int, default=0, help="of each process; 0: as torch likes")
    args = parser.parse_args()
    folder = args.work / "unet"
    folder.mkdir(exist_ok=True)
    lesson = Lesson(args.work, share=args.share)
    stages = shortened(args.share)[: args.stages]
    todo = (lesson, folder, stages, args.ranks, args.threads or (1 if args.ranks > 1 else 0))
    if args.ranks == 1:
        learn(0, *todo)
        return
    # One copy of the latents (0.3 GB) for all processes.
    lesson.latents.share_memory_()
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    # A port that is free now: another build may run on this machine.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        os.environ.setdefault("MASTER_PORT", str(probe.getsockname()[1]))
    multiprocessing.spawn(learn, args=todo, nprocs=args.ranks)


if __name__ == "__main__":
    main()
