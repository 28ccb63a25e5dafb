"""How people train style LoRAs: the usual settings of each trainer for each family, as its own examples have them.

`mild` is what CloakCheck began with, and stays the default where nothing else is said: rank 8 on attention alone. Most
people's settings learn more. What a row cannot take over stands in `lacks`.

Under every row works are trained on in aspect buckets (`audit.plan.buckets`), as kohya-ss/sd-scripts
(library/model_util.py), ostris/ai-toolkit (toolkit/buckets.py) and Nerogar/OneTrainer (modules/dataLoader, with nine
aspects) do in their examples. The scripts of diffusers cut squares.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from audit.records import TrainSettings

MILD = TrainSettings(rank=8, alpha=8, steps=2000, batch=4, learning_rate=1e-4, warmup=100, works=24)
"""diffusers' rate, the sample count of Hönig et al. (2024)."""
PLAIN = TrainSettings(
    rank=16, alpha=16, steps=2000, batch=4, learning_rate=1e-4, warmup=0, min_snr=None, flip=False, works=24
)
"""What the trainers have in common: AdamW, the plain squared error, no warm-up, no mirror images."""
EIGHT_BIT = "AdamW in 8 bit"
SIZES = "three sizes of picture"
EMA = "averaged weights"
STEPS = "bucket steps of 8 pixels"


@dataclass(frozen=True)
class Trainer:
    """One trainer's settings for one family.

    Attributes:
        name: as `[training] preset` says it; families: as the plan names them.
        settings: what is trained with; source: where it was read.
        lacks: what the source also does and is not done here.
    """

    name: str
    families: tuple[str, ...]
    settings: TrainSettings
    source: str
    lacks: tuple[str, ...] = field(default_factory=tuple)


def _like(**changes: object) -> TrainSettings:
    return TrainSettings.model_validate({**PLAIN.model_dump(), **changes})


TRAINERS = (
    Trainer(
        "mild",
        ("sd1", "sd2", "sdxl", "sd3", "zimage", "flux1", "flux2", "qwenimage", "krea2"),
        MILD,
        "diffusers, examples/text_to_image; Hönig et al., 2024",
    ),
    Trainer(
        "kohya",
        ("sdxl",),
        _like(rank=32, alpha=16, targets="attention+ff", text_encoder=True, text_learning_rate=1e-5),
        "kohya-ss/sd-scripts, docs/sdxl_train_network.md",
        (EIGHT_BIT,),
    ),
    Trainer(
        "kohya",
        ("flux1",),
        _like(alpha=1, targets="all"),
        "kohya-ss/sd-scripts, docs/flux_train_network.md",
        (EIGHT_BIT,),
    ),
    Trainer(
        "kohya",
        ("flux2",),
        _like(rank=32, alpha=1, targets="attention+ff"),
        "kohya-ss/musubi-tuner, docs/flux_2.md",
        (EIGHT_BIT,),
    ),
    Trainer(
        "diffusers",
        ("krea2",),
        _like(rank=32, alpha=32, steps=1000, batch=1, learning_rate=3e-4, targets="all"),
        "huggingface/diffusers, examples/dreambooth/README_krea2.md, with the layers that Krea's authors recommend",
        (EIGHT_BIT,),
    ),
    Trainer(
        "kohya",
        ("krea2",),
        _like(rank=32, alpha=32, targets="all"),
        "kohya-ss/musubi-tuner, docs/krea2.md",
        (EIGHT_BIT,),
    ),
    Trainer(
        "ai-toolkit",
        ("qwenimage",),
        _like(batch=1, targets="attention+ff", caption_dropout=0.05),
        "ostris/ai-toolkit, config/examples/train_lora_qwen_image_24gb.yaml",
        (SIZES, EIGHT_BIT, "a base of 3 bits"),
    ),
    Trainer(
        "ai-toolkit",
        ("flux2", "krea2"),
        _like(rank=32, alpha=32, steps=3000, batch=1, targets="attention+ff", caption_dropout=0.05),
        "ostris/ai-toolkit, ui/src/app/jobs/new/jobConfig.ts",
        (SIZES, EIGHT_BIT),
    ),
    Trainer(
        "ai-toolkit",
        ("sd3", "zimage", "flux1"),
        _like(batch=1, targets="attention+ff", caption_dropout=0.05),
        "ostris/ai-toolkit, config/examples/train_lora_flux_24gb.yaml and train_lora_sd35_large_24gb.yaml",
        (SIZES, EIGHT_BIT, EMA),
    ),
    Trainer(
        "onetrainer",
        ("sd1",),
        _like(
            alpha=1, steps=600, learning_rate=3e-4, warmup=200, targets="attention+ff", text_encoder=True,
            noise_offset=0.05,
        ),
        "Nerogar/OneTrainer, training_presets/#sd 1.5 LoRA.json; 100 passes over 24 works",
        (STEPS, "a text encoder that stops after 30 passes"),
    ),
    Trainer(
        "onetrainer",
        ("sdxl",),
        _like(alpha=1, steps=600, learning_rate=3e-4, warmup=200, targets="attention+ff", noise_offset=0.05),
        "Nerogar/OneTrainer, training_presets/#sdxl 1.0 LoRA.json; 100 passes over 24 works",
    ),
    Trainer(
        "onetrainer",
        ("sd3", "flux1"),
        _like(alpha=1, steps=600, learning_rate=3e-4, warmup=200, targets="attention+ff"),
        "Nerogar/OneTrainer, training_presets/#sd 3 LoRA.json and #flux LoRA.json; 100 passes over 24 works",
    ),
    Trainer(
        "onetrainer",
        ("zimage",),
        _like(alpha=1, steps=1200, batch=2, learning_rate=3e-4, warmup=200, targets="attention+ff"),
        "Nerogar/OneTrainer, training_presets/#z-image LoRA 16GB.json; 100 passes over 24 works",
        ("refiner layers left alone",),
    ),
    Trainer(
        "onetrainer",
        ("qwenimage",),
        _like(alpha=1, steps=1200, batch=2, learning_rate=3e-4, warmup=200, targets="attention+ff"),
        "Nerogar/OneTrainer, training_presets/#qwen LoRA 16GB.json; 100 passes over 24 works",
        ("a base of 8 bits",),
    ),
    Trainer(
        "onetrainer",
        ("krea2",),
        _like(alpha=1, steps=1200, batch=2, learning_rate=3e-4, warmup=200, targets="attention+ff"),
        "Nerogar/OneTrainer, training_presets/Krea 2/#krea2 LoRA 16GB.json; 100 passes over 24 works",
        ("a base of 8 bits", "pictures of 512 pixels"),
    ),
    Trainer(
        "onetrainer",
        ("flux2",),
        _like(alpha=1, steps=1200, batch=2, learning_rate=3e-5, warmup=200, targets="attention+ff"),
        "Nerogar/OneTrainer, training_presets/#flux2 LoRA 16GB.json; 100 passes over 24 works",
        ("a base of 8 bits",),
    ),
)  # fmt: skip
USUAL = {
    "zimage": "ai-toolkit",
    "flux1": "ai-toolkit",
    "flux2": "ai-toolkit",
    "qwenimage": "ai-toolkit",
    "krea2": "diffusers",
}
"""Family -> the preset that holds where nothing is said; `mild` for all others."""


def presets_of(family: str) -> dict[str, Trainer]:
    """The presets of a family by name."""
    return {row.name: row for row in TRAINERS if family in row.families}


def usual_of(family: str) -> str:
    """Name of the preset that a family is trained with where nothing is said."""
    return USUAL.get(family, "mild")
