"""Made-up scores of a service's pictures with known truths, for the tests of judge and report."""

from __future__ import annotations

import numpy as np

from audit import records as r
from tests.builders import digest, make_results, make_work


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
