"""Made-up scores of a service's pictures with known truths, for the tests of judge and report."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from audit import records as r
from audit.judge.scored import judge_score
from audit.report.score import write_score_report
from tests.builders import digest, make_results, make_work
from tests.report import scenes

STATES: dict[str, dict[str, object]] = {
    "closer": {"named": 0.5},
    "not-closer": {"named": 0.2},
    "unclear": {"named": 0.25, "prompt_sd": 0.2},
    "described": {"control": None},
    "exploratory": {"prompts": 4},
    "not-valid": {"others": 0.6},
}
"""Verdict label -> a score that gets it."""


def written(label: str, folder: Path) -> Path:
    """The page of a score with that verdict, its pictures beside it."""
    results = judge_score(scene(**STATES[label]))  # type: ignore[arg-type]
    (folder / "images").mkdir()
    images = results.images | {work.id: f"work-{work.id}.png" for work in results.plan.works}
    learned = {"named": 0.8, "control": 0.2, "other-name": 0.4}
    for place, picture in enumerate(results.plan.pictures):
        shape = scenes.picture(place // 2, learned[picture.group], side=160, seed=place)
        shape.save(folder / "images" / images[picture.id])
    for place, work in enumerate(results.plan.works):
        scenes.picture(place, 1.0, side=160, seed=50 + place).save(folder / "images" / images[work.id])
    return write_score_report(results.model_copy(update={"images": images}), run_folder=folder)


def scene(
    *,
    named: float = 0.5,
    control: float | None = 0.2,
    other_name: float | None = None,
    prompts: int = 12,
    per_prompt: int = 2,
    sessions: int = 1,
    unit: r.ScoreUnit = "prompt",
    real: float = 0.7,
    others: float = 0.0,
    prompt_sd: float = 0.03,
    picture_sd: float = 0.02,
    references: bool = True,
    seed: int = 0,
    artist: str = "An Artist",
    service: str = "A Service",
    words: str = "prompt {}",
) -> r.ScoreResults:
    """Results before judgement. Every group shares its prompts' part of the score (`prompt_sd`)."""
    rng, noise = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    means = {"named": named, "control": control, "other-name": other_name}
    works = tuple(make_work(i, split="reference" if i % 3 == 0 else "pool") for i in range(18))
    of_prompt = rng.normal(0, prompt_sd, prompts)
    pictures, values = [], []
    for group, mean in means.items():
        own = rng.normal(0, prompt_sd / 2, (prompts, sessions))
        for prompt in range(prompts):
            for session in range(sessions):
                for index in range(per_prompt):
                    if mean is None:
                        continue
                    key = f"{group} {prompt} {session} {index}"
                    pictures.append(
                        r.ServicePicture(
                            id=f"g{len(pictures):03d}",
                            group=group,
                            name=f"{key}.png",
                            prompt=words.format(f"{prompt:02d}"),
                            session=f"s{session}" if sessions > 1 else "",
                            sha256=digest(f"file {key}"),
                            pixels=digest(f"pixels {key}"),
                            width=512,
                            height=512,
                            lossy=False,
                        )
                    )
                    values.append(float(mean + of_prompt[prompt] + own[prompt, session] + noise.normal(0, picture_sd)))
    audit = make_results(real=real, other=others)
    artists = tuple(r.ReferenceArtist(name=f"artist {i}", pixels=(digest(f"other {i}"),)) for i in range(5))
    metrics = ("channel_stats", "openclip")
    return r.ScoreResults(
        plan=r.ScorePlan(
            tool_version="0.1.0",
            artist=artist,
            service=service,
            works=works,
            pictures=tuple(pictures),
            reference_artists=artists if references else (),
            unit=unit,
            side=256,
            seed=0,
            metrics=metrics,
            primary_metric=metrics[0],
            metric_weights={m: digest(m) for m in metrics},
        ),
        notes=(),
        metrics=audit.metrics,
        recognition=tuple(
            r.Recognition(metric=m, artists=tuple(a.name for a in artists), own_rate=0.9, false_rate=0.05)
            for m in metrics
        ),
        scores=tuple(
            r.PictureScores(metric=m, values=tuple(values), nearest=tuple(int(v < 0.35) for v in values))
            for m in metrics
        ),
        images={p.id: f"ai-generated-{p.id}.png" for p in pictures},
        provenance=audit.provenance,
    )
