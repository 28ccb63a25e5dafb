"""Style cloak: move a work's features toward those of the same work drawn in another style.

The objective published for Glaze (Shan et al., 2023), re-implemented from the paper on the models at
hand: the encoder's latent of the cloaked work is drawn to that of its style-transferred version,
under a penalty on LPIPS beyond a budget. The tool Glaze is closed, differs, and is tested through its
files (`--protected`); this is a calibration instrument and not Glaze.

The style: of a list, the one whose transferred works lie between the median and the upper quartile
of distances from the artist's own, as in the paper. The transfer is the attacked model's own
image-to-image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from audit.base.messages import Said, words
from audit.base.rng import torch_rng
from audit.conditions.base import Called, Context, Made, Pixels, Treatment, the_argument, unbounded
from audit.conditions.protect.pgd import ONE, Schedule, delivered, same_size, stacked
from audit.conditions.repaint import Painter
from audit.conditions.windows import Window, training_window, windows
from audit.images.tensors import to_pixels
from audit.models.kernels import training_attention
from audit.models.memory import in_parts
from audit.records import ModelFacts, Objective, ProtectSettings
from audit.style.channel_stats import extract
from audit.style.lpips import lpips, lpips_distance

SCHEDULE = Schedule(lab=40, published=500)
RATE = 0.02
"""Of Adam, on -1..1."""
WEIGHT = 30.0
"""Of the distance beyond the budget; latents are measured in their own deviations."""
STRENGTH, GUIDANCE = 0.5, 7.5
"""Of the style transfer."""
SEEN = 2.0
"""Longest side, in resolutions of the model, at which the penalty looks while optimising; what is delivered is
measured whole."""
JUDGED = 4
"""Works that the choice of a style looks at."""
HALVINGS = 7
STYLES = (
    *("an impressionist oil painting", "a cubist painting", "a pointillist painting", "a baroque oil painting"),
    *("a pop art print", "an art nouveau poster", "an ukiyo-e woodblock print", "a charcoal drawing"),
)
LAB_STYLES = tuple(
    f"a picture by {word}"
    for word in ("noto", "twemoji", "fluentemoji", "iconpark", "kameleon", "cyber", "plump", "meteocons")
)
"""The lab model knows its training sets' names and no art history."""


@dataclass(frozen=True)
class Pull:
    """What draws a batch of works to another style.

    Attributes:
        places: the windows; goals: per window, latents of the transferred works, (N, C, h, w).
        spread: deviation of each channel over the goals, (1, C, 1, 1).
    """

    painter: Painter
    places: list[Window]
    goals: list[Tensor]
    spread: Tensor

    @classmethod
    def of(cls, painter: Painter, batch: Tensor, names: list[str], context: Context) -> Pull:
        side = context.surrogate.facts.resolution
        places = windows(*batch.shape[-2:], side=side, policy=context.protection.crop)
        with torch.no_grad():
            goals = [painter.encode(_transferred(painter, p.view(batch, side), names, context)) for p in places]
        return cls(painter, places, goals, torch.cat(goals).std(dim=(0, 2, 3), keepdim=True).clamp_min(1e-6))

    def away(self, pictures: Tensor, at: int) -> Tensor:
        """Mean squared distance to the goal in one window, (N,); differentiable."""
        latent = self.painter.encode(self.places[at].view(pictures, self.painter.model.facts.resolution))
        distance: Tensor = ((latent - self.goals[at]) / self.spread).pow(2)
        return distance.flatten(1).mean(dim=1)

    @torch.no_grad()
    def reached(self, pictures: Tensor) -> list[float]:
        """The same in the middle window, which training cuts."""
        return [float(value) for value in self.away(pictures, len(self.places) // 2)]


def _transferred(painter: Painter, small: Tensor, names: Sequence[str], context: Context) -> Tensor:
    """The same pictures in the painter's style, (N, 3, side, side)."""
    shape = context.surrogate.latent_shape
    noise = torch.stack([torch.randn(shape, generator=torch_rng("style-cloak", context.seed, n)) for n in names])
    return painter.repaint(small, strength=STRENGTH, noise=noise)


def choose_style(pictures: list[Pixels], context: Context) -> str:
    """The style whose transferred works are more unlike the artist's than most others', but not the most."""
    model, side = context.surrogate, context.surrogate.facts.resolution
    some = [stacked([p], model) for p in pictures[:JUDGED]]
    small = torch.cat([training_window(*p.shape[-2:]).view(p, side) for p in some])
    own = extract(to_pixels(small)).mean(axis=0)
    styles = LAB_STYLES if model.facts.lab else STYLES
    apart = []
    for style in styles:
        moved = _transferred(_painter(style, context), small, context.names[:JUDGED], context)
        apart.append(float(np.linalg.norm(extract(to_pixels(moved)).mean(axis=0) - own)))
    order = sorted(range(len(styles)), key=lambda index: apart[index])
    return styles[order[round(0.625 * (len(styles) - 1))]]


def _painter(style: str, context: Context) -> Painter:
    steps = context.protection.counter_steps
    return Painter(context.surrogate, prompt=style, guidance=GUIDANCE, steps=steps)


def _optimised(batch: Tensor, pull: Pull, *, budget: float, steps: int) -> Tensor:
    """The change after Adam on distance and penalty, (N, 3, H, W)."""
    change = torch.zeros_like(batch).requires_grad_(True)
    optimiser = torch.optim.Adam([change], lr=RATE)
    longest = round(SEEN * pull.painter.model.facts.resolution)
    seen = _seen(batch, longest)
    for _ in range(steps):
        optimiser.zero_grad(set_to_none=True)
        changed = (batch + change).clamp(-1, 1)
        excess = (lpips(_seen(changed, longest), seen) - budget).clamp_min(0).sum()
        (WEIGHT * excess).backward(retain_graph=True)  # type: ignore[no-untyped-call]
        for at in range(len(pull.places)):
            pull.away(changed, at).sum().backward(retain_graph=True)  # type: ignore[no-untyped-call]
        optimiser.step()
    with torch.no_grad():
        return (batch + change).clamp(-1, 1) - batch


def _seen(pictures: Tensor, longest: int) -> Tensor:
    """Pictures with no side longer than `longest`."""
    height, width = pictures.shape[-2:]
    scale = longest / max(height, width)
    if scale >= 1:
        return pictures
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return F.interpolate(pictures, size=size, mode="bicubic", antialias=True).clamp(-1, 1)


def _within(picture: Tensor, change: Tensor, budget: float) -> Tensor:
    """The picture with the greatest share of the change that keeps the budget on the delivered file."""
    original = to_pixels(picture)[0]
    kept, low, high = picture, 0.0, 1.0
    for attempt in range(HALVINGS):
        share = high if attempt == 0 else (low + high) / 2
        tried = delivered(picture, share * change)
        if lpips_distance(original, to_pixels(tried)[0]) <= budget:
            kept, low = tried, share
            if attempt == 0:
                break
        else:
            high = share
    return kept


def _style_cloak(pictures: list[Pixels], argument: float, context: Context) -> Made:
    painter = _painter(choose_style(pictures, context), context)
    steps = SCHEDULE.steps(context.surrogate.facts, context.protection)
    made: list[Pixels] = [np.zeros(0, np.uint8)] * len(pictures)
    first, last = [0.0] * len(pictures), [0.0] * len(pictures)

    def part(rows: list[int], some: slice) -> None:
        own = rows[some]
        batch = stacked([pictures[i] for i in own], context.surrogate)
        pull = Pull.of(painter, batch, [context.names[i] for i in own], context)
        change = _optimised(batch, pull, budget=argument, steps=steps)
        done = torch.cat([_within(batch[i : i + 1], change[i : i + 1], argument) for i in range(len(own))])
        reached = zip(own, to_pixels(done), pull.reached(batch), pull.reached(done), strict=True)
        for row, picture, before, after in reached:
            made[row], first[row], last[row] = picture, before, after

    for rows in same_size(pictures, context.surrogate.facts.resolution):
        with training_attention(context.surrogate):
            in_parts(partial(part, rows), len(rows), device=context.surrogate.device, what=ONE)
    return Made(made, tuple(first), tuple(last))


def _words(argument: float, surrogate: ModelFacts, asked: ProtectSettings) -> dict[str, Said]:
    styles = LAB_STYLES if surrogate.lab else STYLES
    return {
        "budget": words("LPIPS {argument:g}, kept by the delivered file", argument=argument),
        "steps": words(
            "{steps} of Adam at {rate:g}, penalty weight {weight:g}",
            steps=SCHEDULE.steps(surrogate, asked),
            rate=RATE,
            weight=WEIGHT,
        ),
        "style": words("chosen among: {styles:clauses}", styles=styles),
        "transfer": words(
            "image-to-image of strength {strength:g}, guidance {guidance:g}", strength=STRENGTH, guidance=GUIDANCE
        ),
        "crop": words("{crop}", crop=asked.crop),
    }


STYLE_CLOAK = Treatment(
    name="style-cloak",
    called=Called(
        words("the reference protection style-cloak"), words("the reference protection style-cloak at distance {arg}")
    ),
    kind="protection",
    run=_style_cloak,
    unit=words("an LPIPS budget"),
    default=0.05,
    low=0.001,
    high=2,
    budget=unbounded,
    lpips=the_argument,
    version=3,
    source=words("Shan et al. 2023, the published objective; not the tool Glaze"),
    published=words("LPIPS budget 0.05, 500 steps in a re-implementation; style 50 to 75 % away from the artist's own"),
    settings=_words,
    whole=False,
    whole_set=True,
    objective=Objective(
        said=words("squared latent distance to the work in another style, pushed down"), direction="down"
    ),
    encoder_passes=2 * SCHEDULE.lab,
    unet_passes=4,
)
