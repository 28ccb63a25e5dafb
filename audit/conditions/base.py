"""What a treatment is: one row of the table, one function from pictures to pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit.base.messages import Said, say
from audit.models.frames import Shape
from audit.models.model import Model
from audit.records import ModelFacts, Objective, ProtectSettings, Truth, Way

Pixels = NDArray[np.uint8]
Kind = Literal["protection", "placebo", "control", "counter"]
Tier = Literal["", "cheap", "model"]


@dataclass(frozen=True)
class Context:
    """What a treatment may use besides the pictures.

    Attributes:
        model: the audited base model: what a mimic has.
        surrogate: the model that protections attack: what an artist's tool has; often the same.
        seed: the plan's seed.
        names: digest of each picture's original, which names its random stream, so that a work gets the
            same draws in every condition.
        original: row -> the artist's original, uint8 (H, W, 3), for treatments that need it.
        protection: steps and crop policy asked for.
        shapes: original -> the shape that a work is trained on in, height and width, by the names above; squares of
            the model's own size where there is none.
    """

    model: Model
    surrogate: Model
    seed: int
    names: tuple[str, ...]
    original: Callable[[int], Pixels]
    protection: ProtectSettings = field(default_factory=ProtectSettings)
    shapes: Mapping[str, Shape] = field(default_factory=dict)

    def trained_in(self, name: str) -> Shape:
        """The shape that a work is trained on in, by its name."""
        side = self.model.facts.resolution
        return self.shapes.get(name, (side, side))

    def of(self, rows: Sequence[int]) -> Context:
        """The context of some of the pictures."""
        return Context(
            model=self.model,
            surrogate=self.surrogate,
            seed=self.seed,
            names=tuple(self.names[i] for i in rows),
            original=lambda row: self.original(rows[row]),
            protection=self.protection,
            shapes=self.shapes,
        )


KIND_NAMES: Mapping[Kind, Said] = {
    "protection": say("kind.protection"),
    "placebo": say("kind.placebo"),
    "counter": say("kind.counter"),
    "control": say("kind.control"),
}
"""How a treatment of a kind is called."""


@dataclass(frozen=True)
class Made:
    """What a treatment answers.

    Attributes:
        pictures: one per picture given, in order.
        first, last: for treatments with an objective, its value on the picture as it came and as it is delivered;
            both measured with draws of their own, none of which the optimisation saw.
    """

    pictures: list[Pixels]
    first: tuple[float, ...] = ()
    last: tuple[float, ...] = ()


def no_settings(argument: float, surrogate: ModelFacts, asked: ProtectSettings) -> dict[str, Said]:
    """Of a treatment whose argument says all."""
    return {}


@dataclass(frozen=True)
class Called:
    """What a treatment is called in plain words, to stand within a sentence.

    Attributes:
        plain: where no argument was typed: "JPEG compression".
        exact: the same with the argument in its place {arg}: "JPEG compression at quality {arg}"; None for treatments
            that take none.
    """

    plain: Said
    exact: Said | None = None

    def typed(self, argument: str) -> Said:
        """The words for an argument as it was typed; '' for none."""
        if not argument or self.exact is None:
            return self.plain
        return self.exact.model_copy(update={"values": {**self.exact.values, "arg": argument}})


@dataclass(frozen=True)
class Treatment:
    """A row of the table.

    Attributes:
        name: as typed before the colon.
        called: its pictures in plain words ("random noise at strength 16 of 255"); of a countermeasure, what was
            done to them ("JPEG compression at quality 50").
        kind: what role a condition made with it plays.
        run: (pictures of one size, argument, context) -> what was made of them.
        unit: what the argument is, for messages; None for treatments that take none.
        default: argument when none is typed; None when there is no argument.
        low, high: allowed range of the argument, inclusive; `whole` if it must be a whole number.
        budget: greatest L-inf change (0..255) that `run` may make for an argument, or None if unbounded.
        version: rises when `run` changes what it computes.
        source: the publication it follows.
        published: the settings it was published with, where ours differ or need a name.
        settings: what else fixes the outcome, for the plan: name -> value in words.
        lpips: greatest `lpips_distance` that `run` may make for an argument, or None.
        tier: of a countermeasure: `cheap` needs no model, `model` does.
        whole_set: `run` gets all pictures of the condition at once, of any sizes.
        may_resize: `run` may answer with another size of the same shape (a platform's resize).
        grained: its noise is of one pixel of what training sees, so that it depends on a work's shape there.
        own_weights: digest of weights that it uses beside the base model's; raises where they are missing.
        label: what a condition made with it is called in a word or two, in headings; None for its name as typed.
        alone: of a treatment that is put on protected files: its pictures in plain words where there is but one
            protection, so that it needs no name.
        truth: what pictures made with it are by construction, where that is known.
        objective: of a treatment that optimises: what it measures, and which way it pushes it.
        approximate: what it imitates is known only approximately.
        per_protection: a control that is made of every protection.
        way: of a countermeasure or placebo: which kind of it an argument is, '' for none, and where it is too weak
            to count as one.
        encoder_passes, unet_passes: forward and backward passes per picture on the lab model, for the cost.
    """

    name: str
    called: Called
    kind: Kind
    run: Callable[[list[Pixels], float, Context], Made]
    default: float | None
    low: float
    high: float
    budget: Callable[[float], float | None]
    version: int
    source: Said
    published: Said | None = None
    settings: Callable[[float, ModelFacts, ProtectSettings], dict[str, Said]] = no_settings
    lpips: Callable[[float], float | None] = lambda argument: None
    whole: bool = True
    tier: Tier = ""
    whole_set: bool = False
    may_resize: bool = False
    grained: bool = False
    own_weights: Callable[[], str] | None = None
    unit: Said | None = None
    label: Said | None = None
    alone: Called | None = None
    truth: Truth | None = None
    objective: Objective | None = None
    approximate: bool = False
    per_protection: bool = False
    way: Callable[[float], Way] = lambda argument: ""
    encoder_passes: int = 0
    unet_passes: int = 0


def the_argument(argument: float) -> float | None:
    """Budget of a treatment whose argument is its budget."""
    return argument


def unbounded(argument: float) -> float | None:
    """Budget of a treatment that may change a picture by any amount."""
    return None


def each(change: Callable[[Pixels, float], Pixels]) -> Callable[[list[Pixels], float, Context], Made]:
    """A treatment that looks at one picture at a time and needs nothing else."""

    def run(pictures: list[Pixels], argument: float, context: Context) -> Made:
        return Made([change(picture, argument) for picture in pictures])

    return run
