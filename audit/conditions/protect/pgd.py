"""Projected gradient descent (Madry et al., 2018) on delivered pictures, under an L-inf budget.

The change lives at the file's own resolution and the gradient runs back through the resize that
training does. Budgets and steps are in levels of 255; the answer is rounded to whole levels, so
the budget holds for the delivered file and not only for a tensor on the way there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from audit.base.messages import Said, words
from audit.base.rng import torch_rng
from audit.conditions.base import Called, Context, Made, Pixels, Treatment, the_argument
from audit.conditions.windows import Window, training_window, windows
from audit.images.tensors import to_pixels, to_tensor
from audit.models.kernels import training_attention
from audit.models.memory import in_parts
from audit.models.model import Model
from audit.records import ModelFacts, Objective, ProtectSettings

LEVEL = 1 / 127.5
"""One of 255 levels on the -1..1 scale."""
ROW_PIXELS = 16 * 128 * 128
"""Model-size pixels per pass: 16 pictures on the lab model, one at 512 px."""
FILE_PIXELS = 4 * 1024 * 1024
"""File pixels per pass, since the change lives there."""
ONE = "memory-for.treatment"
"""Names what a picture under attack takes, where that is too much."""
MEASUREMENTS = 4
"""Draws of timestep and noise that the reported loss is averaged over."""


class Draws:
    """The random draws of one pass, one named stream per row: neighbours never change a picture's draws."""

    def __init__(self, names: Sequence[tuple[object, ...]]) -> None:
        self._generators = [torch_rng(*name) for name in names]

    def normal(self, *shape: int) -> Tensor:
        """(rows, *shape), standard normal."""
        return torch.stack([torch.randn(shape, generator=g) for g in self._generators])

    def integers(self, high: int) -> Tensor:
        """(rows,), uniform on 0..high-1."""
        return torch.cat([torch.randint(0, high, (1,), generator=g) for g in self._generators])


@dataclass(frozen=True)
class Aim:
    """What an attack optimises; which way it pushes what is measured is its row's objective.

    Attributes:
        loss: pictures at model size (N, 3, side, side), draws -> (N,) to be minimised, row by row.
        measure: the same shapes; the value that is reported, which may differ from `loss` in sign.
    """

    loss: Callable[[Tensor, Draws], Tensor]
    measure: Callable[[Tensor, Draws], Tensor]


@dataclass(frozen=True)
class Schedule:
    """How many steps of which size.

    Attributes:
        lab: steps on the lab model, which one CPU core must afford.
        published: steps of the publication, used on every other model.
    """

    lab: int
    published: int

    def steps(self, surrogate: ModelFacts, asked: ProtectSettings) -> int:
        return asked.steps or (self.lab if surrogate.lab else self.published)

    def sizes(self, budget: float, steps: int) -> list[float]:
        """Step sizes in levels: an eighth of the budget, falling linearly to a tenth of that."""
        first = max(1.0, budget / 8)
        return [first * (1 - 0.9 * index / max(1, steps - 1)) for index in range(steps)]

    def words(self, argument: float, surrogate: ModelFacts, asked: ProtectSettings) -> dict[str, Said]:
        """For the plan."""
        steps = self.steps(surrogate, asked)
        sizes = self.sizes(argument, steps)
        return {
            "budget": words("L-inf {argument:g} of 255", argument=argument),
            "steps": words("{n}", n=steps),
            "step": words("{first:.3g} levels, falling to {last:.3g}", first=sizes[0], last=sizes[-1]),
            "start": words("random within the budget"),
            "crop": words("{crop}", crop=asked.crop),
        }


def random_start(pictures: Tensor, names: Sequence[tuple[object, ...]], budget: float) -> Tensor:
    """A change drawn evenly within the budget; (N, 3, H, W)."""
    drawn = torch.stack([torch.rand(pictures.shape[1:], generator=torch_rng(*name)) * 2 - 1 for name in names])
    change: Tensor = (pictures + drawn.to(pictures.device) * budget * LEVEL).clamp(-1, 1) - pictures
    return change


@dataclass(frozen=True)
class Descent:
    """Steps of one call.

    Attributes:
        budget: greatest change of a channel, levels of 255.
        sizes: size of every step, levels of 255.
        before: steps done in earlier calls, so that draws go on instead of starting again.
    """

    budget: float
    sizes: Sequence[float]
    before: int = 0


def pgd(
    pictures: Tensor,
    change: Tensor,
    descent: Descent,
    *,
    loss: Callable[[Tensor, Draws], Tensor],
    places: Sequence[Window],
    side: int,
    names: Sequence[tuple[object, ...]],
) -> Tensor:
    """Minimise a loss over pictures within a budget; a part of them at a time where memory runs out.

    Args:
        pictures: (N, 3, H, W), values -1..1, whole levels of 255.
        change: where it begins, same shape, within the budget.
        loss: see `Objective`.
        places: the windows that a model sees; their gradients add up.
        names: stream of each picture; step and window are added to it.

    Returns:
        The change after all steps, unrounded; see `delivered`.

    Raises:
        MemoryShort: a single picture does not fit.
    """

    def part(rows: slice) -> Tensor:
        return _pgd(pictures[rows], change[rows], descent, loss=loss, places=places, side=side, names=names[rows])

    return torch.cat(in_parts(part, len(pictures), device=pictures.device, what=ONE))


def _pgd(
    pictures: Tensor,
    change: Tensor,
    descent: Descent,
    *,
    loss: Callable[[Tensor, Draws], Tensor],
    places: Sequence[Window],
    side: int,
    names: Sequence[tuple[object, ...]],
) -> Tensor:
    most = descent.budget * LEVEL
    for index, size in enumerate(descent.sizes, start=descent.before):
        change = change.detach().requires_grad_(True)
        gradient = torch.zeros_like(pictures)
        for number, place in enumerate(places):
            draws = Draws([(*name, index, number) for name in names])
            value = loss(place.view(pictures + change, side), draws).sum()
            gradient += torch.autograd.grad(value, change)[0]
        with torch.no_grad():
            # A gradient that is not finite moves nothing.
            direction = torch.nan_to_num(gradient).sign()
            change = (change - size * LEVEL * direction).clamp(-most, most)
            change = (pictures + change).clamp(-1, 1) - pictures
    return change.detach()


def delivered(pictures: Tensor, change: Tensor) -> Tensor:
    """Whole levels. Budgets are whole, too, so the nearest level lies within them.

    Cut towards zero, a change at the budget's edge lost a level wherever floating point put it a hair below.
    """
    rounded: Tensor = pictures + (change / LEVEL).round() * LEVEL
    return rounded


@torch.no_grad()
def measured(aim: Aim, pictures: Tensor, *, side: int, names: Sequence[str]) -> list[float]:
    """The aim's reported value of every picture in the training's own view."""
    place = training_window(*pictures.shape[-2:])

    def part(rows: slice) -> Tensor:
        total = torch.zeros(len(names[rows]), device=pictures.device)
        for index in range(MEASUREMENTS):
            draws = Draws([("measure", name, index) for name in names[rows]])
            total += aim.measure(place.view(pictures[rows], side), draws)
        return total / MEASUREMENTS

    return [float(value) for value in torch.cat(in_parts(part, len(names), device=pictures.device, what=ONE))]


def same_size(pictures: Sequence[Pixels], side: int) -> Iterator[list[int]]:
    """Rows in groups of one picture size that fit one pass at a model's resolution."""
    by_size: dict[tuple[int, int, int], list[int]] = {}
    for row, picture in enumerate(pictures):
        height, width, channels = picture.shape
        by_size.setdefault((height, width, channels), []).append(row)
    for (height, width, _), rows in by_size.items():
        most = max(1, min(16, ROW_PIXELS // side**2, FILE_PIXELS // (height * width)))
        for start in range(0, len(rows), most):
            yield rows[start : start + most]


def stacked(pictures: Sequence[Pixels], model: Model) -> Tensor:
    return torch.cat([to_tensor(p) for p in pictures]).to(model.device)


def attack(
    pictures: list[Pixels],
    budget: float,
    context: Context,
    *,
    name: str,
    schedule: Schedule,
    aim: Aim,
) -> Made:
    """Run one attack over pictures of any sizes, a few at a time.

    Args:
        name: of the treatment, which names its random streams.
    """
    model = context.surrogate
    side = model.facts.resolution
    descent = Descent(budget, schedule.sizes(budget, schedule.steps(model.facts, context.protection)))
    made: list[Pixels] = [np.zeros(0, np.uint8)] * len(pictures)
    first, last = [0.0] * len(pictures), [0.0] * len(pictures)
    with training_attention(model):
        for rows in same_size(pictures, side):
            batch = stacked([pictures[i] for i in rows], model)
            works = [context.names[i] for i in rows]
            names = [(name, context.seed, work) for work in works]
            places = windows(*batch.shape[-2:], side=side, policy=context.protection.crop)
            start = random_start(batch, names, budget)
            change = pgd(batch, start, descent, loss=aim.loss, places=places, side=side, names=names)
            done = delivered(batch, change)
            befores = measured(aim, batch, side=side, names=works)
            afters = measured(aim, done, side=side, names=works)
            for row, picture, before, after in zip(rows, to_pixels(done), befores, afters, strict=True):
                made[row], first[row], last[row] = picture, before, after
    return Made(made, tuple(first), tuple(last))


@dataclass(frozen=True)
class Pushed:
    """What an attack pushes, and how many passes of the model a picture takes on the lab."""

    objective: Objective
    encoder_passes: int
    unet_passes: int = 0


def linf_protection(
    name: str,
    run: Callable[[list[Pixels], float, Context], Made],
    pushed: Pushed,
    *,
    version: int = 2,
    source: Said,
    published: Said,
    settings: Callable[[float, ModelFacts, ProtectSettings], dict[str, Said]],
    whole_set: bool = False,
) -> Treatment:
    """A row of the table for a protection whose argument is its L-inf budget."""
    return Treatment(
        name=name,
        called=Called(
            words("the reference protection {name}", name=name),
            words("the reference protection {name} at strength {arg} of 255", name=name),
        ),
        kind="protection",
        run=run,
        unit=words("an L-inf budget in levels of 255"),
        default=16,
        low=1,
        high=255,
        budget=the_argument,
        version=version,
        source=source,
        published=published,
        settings=settings,
        whole_set=whole_set,
        objective=pushed.objective,
        encoder_passes=pushed.encoder_passes,
        unet_passes=pushed.unet_passes,
    )
