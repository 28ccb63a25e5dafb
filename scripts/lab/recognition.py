"""Whether subject and style of pictures by the lab can be told: judges fitted on real training pictures.

Subjects: the lab's open_clip among 100 captions. Styles: linear discriminant analysis on each metric's
features (Fisher, 1936), fitted on real pictures of the training sets and checked on others of them; the
nearest mean of whitened features, which audits use, is a coarser judge because it does not
know what varies within a set.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray

from audit.models.cards import LAB_OPENCLIP
from audit.models.encode import hidden_states
from audit.models.loader import Model
from audit.plan.settings import LAB_SAMPLING
from audit.prompts import full_prompt
from audit.records import SampleSettings
from audit.sampling import sample
from audit.style import METRICS, openclip
from scripts.lab.common import load_pictures
from scripts.lab.fetch import load_sets
from scripts.lab.train_unet import shared_subjects

SUBJECTS = 100
PICTURES = 400
PER_SET_FIT = 250
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


def recognition(model: Model, work: Path, sampling: SampleSettings = LAB_SAMPLING) -> dict[str, float]:
    """Shares of pictures whose subject and style are found, generated beside real ones."""
    pictures, records = load_pictures(work / "render" / "train")
    kept = [records[i] for i in shared_subjects(records)]
    sets: dict[str, set[str]] = {}
    for record in kept:
        sets.setdefault(record["subject"], set()).add(record["set"])
    subjects = sorted((s for s in sets if len(s.split()) <= 2), key=lambda s: (-len(sets[s]), s))[:SUBJECTS]
    styles = {name: pin["style"] for name, pin in load_sets().items() if pin["role"] == "train"}
    names = sorted(styles)
    pairs = [(s, r) for s in subjects for r, record in enumerate(records) if record["subject"] == s]
    rng = np.random.default_rng(0)
    chosen = [pairs[i] for i in rng.permutation(len(pairs))[:PICTURES]]
    made = _draw(model, [full_prompt(s, styles[records[r]["set"]]) for s, r in chosen], sampling)
    rows = [r for _, r in chosen]
    real = _pixels(pictures[rows])

    clip, _ = open_clip.create_model_from_pretrained(f"local-dir:{LAB_OPENCLIP}", precision="fp32")
    words = open_clip.SimpleTokenizer(context_length=16)(subjects)
    with torch.no_grad():
        captions = clip.eval().encode_text(words, normalize=True).double().numpy()
    wanted = np.array([subjects.index(s) for s, _ in chosen])
    found = {}
    for name, batch in (("generated", made), ("real", real)):
        found[f"subject, {name}"] = float(np.mean((openclip.extract(batch) @ captions.T).argmax(1) == wanted))

    labels = np.array([names.index(record["set"]) for record in records])
    fitting: list[int] = []
    for index in range(len(names)):
        others = np.setdiff1d(np.flatnonzero(labels == index), rows)
        fitting += rng.permutation(others)[:PER_SET_FIT].tolist()
    for metric, row in METRICS.items():
        judge = Discriminant.fit(row.extract(_pixels(pictures[fitting])), labels[fitting])
        for name, batch in (("generated", made), ("real", real)):
            found[f"style by {metric}, {name}"] = float(np.mean(judge(row.extract(batch)) == labels[rows]))
    return found


def _draw(model: Model, texts: list[str], sampling: SampleSettings) -> NDArray[np.uint8]:
    hidden = hidden_states(model, [*texts, ""])
    return sample(model, text=hidden[:-1], empty=hidden[-1:], settings=sampling, seed=1, autocast=torch.bfloat16)


def _pixels(pictures: torch.Tensor) -> NDArray[np.uint8]:
    """(N, 3, H, W) to (N, H, W, 3)."""
    return np.ascontiguousarray(pictures.permute(0, 2, 3, 1).numpy())
