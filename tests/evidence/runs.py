"""A finished run folder without training: made-up results, real pictures, the run's own writers."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from audit import records as r
from audit.base.rng import rng
from audit.evidence.timestamps import write_request
from audit.images import encode_png, pixels_digest
from audit.images.ai_mark import mark_generated
from audit.images.drawn import blank_share, changed_share, noise_level
from audit.judge.asked import changed, noise_asked, read_beside
from audit.runfolder import begin_session, claim, provenance, write_environment
from audit.runfolder.event_log import TRAINING_BEGINS, log_event
from audit.stages.finish import finish
from tests.builders import digest, make_plan, make_results

PROMPTS = ("cat", "castle")
WEIGHTS = save({"unet.a.lora_A.weight": np.arange(64, dtype=np.float32).reshape(8, 8)})
"""The trained add-on of the first cell."""


def picture(name: str) -> np.ndarray:
    return rng("picture", name).integers(0, 255, (16, 16, 3)).astype(np.uint8)


def make_environment() -> r.Environment:
    name, cores = provenance.processor()
    return r.Environment(
        python="3.11.7",
        platform="Linux x86_64",
        processor=name,
        cores=cores,
        memory_bytes=8_000_000_000,
        accelerator="",
        device="cpu",
        precision="fp32",
        threads=1,
        determinism={"torch.use_deterministic_algorithms": "False"},
        packages=provenance.installed(),
        commit="",
        code=provenance.code_digests(),
        model_files={"unet/config.json": digest("unet config")},
    )


def begin(folder: Path, plan: r.Plan) -> None:
    """What a run does before training."""
    claim(folder, plan)
    write_request(folder / "plan.json")


def write_run(folder: Path, plan: r.Plan | None = None) -> Path:
    """A finished run of 6 replicates, 3 conditions and base, two pictures each; files as a run writes them."""
    plan = plan or make_plan(prompts=PROMPTS)
    results = make_results(plan=plan)
    begin(folder, plan)
    environment = make_environment()
    write_environment(folder, environment)
    device = f"{environment.device}, {environment.precision}"
    sessions = begin_session(folder, provenance.session(threads=1, device=device))
    log_event(folder, TRAINING_BEGINS, {"plan_sha256": plan.digest()})
    cells, base = [], None
    for cell in results.cells:
        made = [picture(name) for name in cell.generations.files]
        for name, pixels in zip(cell.generations.files, made, strict=True):
            (folder / "images" / name).write_bytes(mark_generated(encode_png(pixels)))
        base = made if base is None or cell.condition == "base" else base
        seen = {
            "pixels": tuple(pixels_digest(p) for p in made),
            "changed_share": None if cell.condition == "base" else changed_share(made, base),
            "blank_share": blank_share(made),
            "noise": tuple(noise_level(p) for p in made),
        }
        drawn = cell.generations.model_copy(update=seen)
        adapter = cell.adapter
        if adapter and (adapter.condition, adapter.replicate) == ("clean", 1):
            adapter = adapter.model_copy(update={"sha256": hashlib.sha256(WEIGHTS).hexdigest()})
        cells.append(cell.model_copy(update={"generations": drawn, "adapter": adapter}))
    shown = {*results.work_images.values(), *(n for m in results.treated_images.values() for n in m.values())}
    for name in shown:
        (folder / "images" / name).write_bytes(encode_png(picture(name)))
    made = results.provenance.model_copy(
        update={
            "started": sessions[-1].started,
            "finished": provenance.now(),
            "seconds": 1.0,
            "platform": environment.platform,
            "device": device,
            "python": environment.python,
            "packages": sessions[-1].packages,
            "commit": environment.commit,
            "sessions": sessions,
            "steps_reused": 0,
        }
    )
    finish(read_whole(results.model_copy(update={"cells": tuple(cells), "provenance": made})), folder)
    return folder


def read_whole(results: r.Results) -> r.Results:
    """With all that a run reads beside its scores: at equal tone and noise as they are, every picture a real look."""
    plan, cells = results.plan, {(c.condition, c.replicate): c for c in results.cells}
    beside = [c for c in results.cells if c.condition in read_beside(plan)]
    row = results.visibility[0]
    return results.model_copy(
        update={
            "tone_controls": tuple(
                r.ToneControl(condition=c.condition, replicate=c.replicate, scores=c.scores) for c in beside
            ),
            "looks": tuple(
                r.PictureCoherence(
                    condition=c.condition,
                    replicate=c.replicate,
                    adherence=(),
                    among_real=(True,) * len(c.generations.files),
                )
                for c in beside
            ),
            "noise_controls": tuple(
                r.NoiseControl(
                    condition=noisy.condition,
                    replicate=noisy.replicate,
                    of=of.condition,
                    scores=cells[of.condition, of.replicate].scores,
                )
                for noisy, of in noise_asked(plan, results.cells)
            ),
            "untriggered": cells["base", plan.base_of(1)].scores,
            "visibility": tuple(
                row.model_copy(update={"condition": c.name, "work": work.id})
                for c in changed(plan)
                for work in plan.treated
            ),
        }
    )
