"""Whether subject and style of pictures by the lab can be told: judges fitted on real training pictures.

Subjects: the lab's open_clip among 100 captions. Styles: linear discriminant analysis on each metric's
features (Fisher, 1936), fitted on real pictures of the training sets and checked on others of them; the
nearest mean of whitened features, which audits use, is a coarser judge because it does not
know what varies within a set.

The 100 subjects are those drawn in most sets, so nearly half of their pictures come from five families of
flat emoji (`FLAT_EMOJI`) that resemble each other. So styles are read a second time from as many pictures of every set.

Run: python -m scripts.lab.recognition --work DIR [--unet STATE]   (prints; STATE is a checkpoint not yet exported)
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray

from audit.models.cards import LAB_OPENCLIP
from audit.models.encode import hidden_states
from audit.models.loader import load
from audit.models.model import Model
from audit.plan.prompts import full_prompt
from audit.plan.settings import LAB_SAMPLING
from audit.records import SampleSettings
from audit.sampling import Execution, sample
from audit.style import METRICS, openclip
from scripts.lab.common import load_pictures
from scripts.lab.fetch import load_sets
from scripts.lab.train_unet import shared_subjects

SUBJECTS = 100
PICTURES = 400
PER_SET_FIT = 250
PER_SET = 30
FLAT_EMOJI = ("emojione", "fxemoji", "noto", "noto-v1", "twemoji")
"""Sets in which the same emoji are drawn flat by different houses, told apart with effort by a person, too."""
SHRINKAGE = 0.05
"""Share of the mean variance mixed into the within-set covariance; few pictures per set, many features."""

Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Discriminant:
    """Nearest set mean under the within-set covariance."""

    mean: Rows
    deviation: Rows
    directions: Rows
    centres: Rows

    @classmethod
    def fit(cls, raw: Rows, labels: NDArray[np.int64]) -> Discriminant:
        """raw (N, D), labels (N,) 0..n-1."""
        mean, deviation = raw.mean(axis=0), raw.std(axis=0) + 1e-6
        standard = (raw - mean) / deviation
        centres = np.stack([standard[labels == i].mean(axis=0) for i in range(int(labels.max()) + 1)])
        within = np.cov((standard - centres[labels]).T)
        within += SHRINKAGE * np.trace(within) / len(within) * np.eye(len(within))
        values, vectors = np.linalg.eigh(within)
        directions = vectors / np.sqrt(values)
        return cls(mean, deviation, directions, centres @ directions)

    def __call__(self, raw: Rows) -> NDArray[np.int64]:
        """Index of the nearest set for each row, (N,)."""
        seen = ((raw - self.mean) / self.deviation) @ self.directions
        return np.asarray(((seen[:, None] - self.centres[None]) ** 2).sum(axis=2).argmin(axis=1))


@dataclass(frozen=True)
class Recognised:
    """Shares of pictures found: of the lab as a whole, and of each training set by each metric's judge."""

    shares: dict[str, float]
    by_set: dict[str, dict[str, float]]


def recognition(model: Model, work: Path, sampling: SampleSettings = LAB_SAMPLING) -> Recognised:
    """Shares of pictures whose subject and style are found, generated beside real ones."""
    pictures, records = load_pictures(work / "render" / "train")
    keep = shared_subjects(records)
    sets: dict[str, set[str]] = {}
    for i in keep:
        sets.setdefault(records[i]["subject"], set()).add(records[i]["set"])
    subjects = sorted((s for s in sets if len(s.split()) <= 2), key=lambda s: (-len(sets[s]), s))[:SUBJECTS]
    styles = {name: pin["style"] for name, pin in load_sets().items() if pin["role"] == "train"}
    names = sorted(styles)
    labels = np.array([names.index(record["set"]) for record in records])
    pairs = [r for s in subjects for r, record in enumerate(records) if record["subject"] == s]
    rng = np.random.default_rng(0)
    chosen = [pairs[i] for i in rng.permutation(len(pairs))[:PICTURES]]
    even = [r for i in range(len(names)) for r in rng.permutation([k for k in keep if labels[k] == i])[:PER_SET]]
    rows = [*chosen, *even]
    texts = [full_prompt(records[r]["subject"], styles[records[r]["set"]]) for r in rows]
    drawn = {"generated": _draw(model, texts, sampling), "real": _pixels(pictures[rows])}
    first, rest = slice(0, len(chosen)), slice(len(chosen), None)

    clip, _ = open_clip.create_model_from_pretrained(f"local-dir:{LAB_OPENCLIP}", precision="fp32")
    words = open_clip.SimpleTokenizer(context_length=16)(subjects)
    with torch.no_grad():
        captions = clip.eval().encode_text(words, normalize=True).double().numpy()
    wanted = np.array([subjects.index(records[r]["subject"]) for r in chosen])
    shares = {
        f"subject, {name}": float(np.mean((openclip.extract(batch[first]) @ captions.T).argmax(1) == wanted))
        for name, batch in drawn.items()
    }

    fitting: list[int] = []
    for index in range(len(names)):
        others = np.setdiff1d(np.flatnonzero(labels == index), rows)
        fitting += rng.permutation(others)[:PER_SET_FIT].tolist()
    by_set: dict[str, dict[str, float]] = {name: {} for name in names}
    for metric, row in METRICS.items():
        judge = Discriminant.fit(row.extract(_pixels(pictures[fitting])), labels[fitting])
        for name, batch in drawn.items():
            right = judge(row.extract(batch)) == labels[rows]
            shares[f"style by {metric}, {name}"] = float(np.mean(right[first]))
            of = {style: float(np.mean(right[rest][labels[even] == i])) for i, style in enumerate(names)}
            for style, share in of.items():
                by_set[style][f"{metric}, {name}"] = share
            parts = {
                "mean of all sets": names,
                f"mean of the {len(FLAT_EMOJI)} families of flat emoji": FLAT_EMOJI,
                f"mean of the {len(names) - len(FLAT_EMOJI)} others": [n for n in names if n not in FLAT_EMOJI],
            }
            for part, members in parts.items():
                shares[f"style by {metric}, {part}, {name}"] = float(np.mean([of[n] for n in members]))
    return Recognised(shares, by_set)


def _draw(model: Model, texts: list[str], sampling: SampleSettings) -> NDArray[np.uint8]:
    hidden = hidden_states(model, [*texts, ""])
    return sample(
        model, text=hidden[:-1], empty=hidden[-1:], settings=sampling, seed=1, on=Execution(autocast=torch.bfloat16)
    )


def _pixels(pictures: torch.Tensor) -> NDArray[np.uint8]:
    """(N, 3, H, W) to (N, H, W, 3)."""
    return np.ascontiguousarray(pictures.permute(0, 2, 3, 1).numpy())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("lab-work"))
    parser.add_argument("--unet", type=Path, help="a checkpoint of train_unet in place of the exported weights")
    args = parser.parse_args()
    model = load("lab", device=torch.device("cpu"))
    if args.unet:
        state = torch.load(args.unet, map_location="cpu", weights_only=True)
        model.denoiser.load_state_dict(state["ema"]["weights"])
        model.text_encoders["text_encoder"].load_state_dict(state["text_ema"]["weights"])
    found = recognition(model, args.work)
    for what, share in found.shares.items():
        print(f"{what}: {share:.1%}")
    for name, of in found.by_set.items():
        print(f"{name}: {', '.join(f'{what} {share:.0%}' for what, share in of.items())}")


if __name__ == "__main__":
    main()
