"""Published comparisons as presets: what a paper did, as options of an audit, and where the audit departs.

A protocol fills in what the user left open; what was typed wins. One row in `PROTOCOLS` each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.base.messages import Said, say, words
from audit.records import Note, Plan

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Protocol:
    """A published comparison.

    Attributes:
        title: the publication.
        options: fields of a spec, by name; tables may be given in part.
        family: base models that it is about, as plans name them.
        works: how many each model learns from.
        departures: in what the audit does otherwise, and why.
        lora: the same, only where LoRA takes the place of training the whole denoiser; None where LoRA was published.
    """

    title: str
    options: Mapping[str, Any]
    family: str
    works: int
    departures: tuple[Said, ...]
    lora: Said | None = None


PROTOCOLS: dict[str, Protocol] = {
    "hoenig2024": Protocol(
        title="Hönig, Rando, Carlini, Tramèr: Adversarial Perturbations Cannot Reliably Protect Artists From "
        "Generative AI (2024)",
        options={
            "model": "sd21",
            "prompts": HERE / "hoenig2024.txt",
            # Noise of 0.05 of 1, noise of 0.1 and upscaling, DiffPure, and the base of IMPRESS++.
            "against": ("noise:13", "noisy-upscale:26", "diffusion", "impress"),
            "crop": "square",
            "training": {"works": 18, "steps": 2000, "batch": 4},
            "sampling": {"steps": 50, "guidance": 7.5, "per_prompt": 1},
        },
        family="sd2",
        works=18,
        departures=(
            words("several trainings per condition in place of one, so that there are intervals"),
            words("training at the model's own 768 px in place of 512"),
            words("DPM-Solver++ 2M without Karras' noise levels"),
            words("noise of its own for every prompt in place of one seed for all"),
            words(
                "noisy upscaling by the base model's image-to-image (x4-upscale, where its model is here, is as "
                "published)"
            ),
            words("IMPRESS alone in place of IMPRESS++, and DiffPure by the base model"),
            words("a style score in place of people's votes"),
        ),
        lora=words("a LoRA in place of the whole U-Net at learning rate 5e-6"),
    ),
}


def with_protocol(values: Mapping[str, Any]) -> dict[str, Any]:
    """The options with a protocol's under them; without a known protocol as they are."""
    protocol = PROTOCOLS.get(str(values.get("protocol", "")))
    if protocol is None:
        return dict(values)
    joined = {**protocol.options, **values}
    for table in ("training", "sampling"):
        joined[table] = {**protocol.options[table], **values.get(table, {})}
    return joined


def departures(protocol: str, plan: Plan) -> tuple[Note, ...]:
    """Where an audit under a protocol does otherwise than its publication; nothing under none."""
    if protocol not in PROTOCOLS:
        return ()
    row = PROTOCOLS[protocol]
    found = []
    works = min(plan.training.works, *(len(plan.pool(r)) for r in range(1, plan.replicates + 1)))
    if works != row.works:
        found.append(say("departs.works", n=works, all=row.works))
    if row.lora is not None and plan.training.method == "lora":
        found.append(row.lora)
    if plan.model.family != row.family:
        found.append(say("departs.family", name=plan.model.name, family=row.family))
    return (Note(said=say("protocol-departs", title=row.title, parts=[*found, *row.departures])),)
