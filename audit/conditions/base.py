"""What a treatment is: one row of the table, one function from pictures to pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit.models.loader import Model

Pixels = NDArray[np.uint8]
Kind = Literal["protection", "placebo", "control", "counter"]


@dataclass(frozen=True)
class Context:
    """What a treatment may use besides the pictures.

    Attributes:
        model: the base model; protections attack it, others need only its resolution.
        seed: the plan's seed.
        digests: pixel digest of each picture, which names its random stream.
    """

    model: Model
    seed: int
    digests: tuple[str, ...]


@dataclass(frozen=True)
class Treatment:
    """A row of the table.

    Attributes:
        name: as typed before the colon.
        kind: what role a condition made with it plays.
        run: (pictures of one size, argument, context) -> pictures of the same sizes.
        unit: what the argument is, for messages; '' for treatments that take none.
        default: argument when none is typed; None when there is no argument.
        low, high: allowed range of the argument, inclusive.
        budget: greatest L-inf change (0..255) that `run` may make for an argument, or None if unbounded.
        version: rises when `run` changes what it computes.
        source: the publication it follows.
        encoder_passes: forward and backward passes of the VAE's encoder per picture, for the cost.
    """

    name: str
    kind: Kind
    run: Callable[[list[Pixels], float, Context], list[Pixels]]
    unit: str
    default: float | None
    low: float
    high: float
    budget: Callable[[float], float | None]
    version: int
    source: str
    encoder_passes: int = 0


def the_argument(argument: float) -> float | None:
    """Budget of a treatment whose argument is its L-inf budget."""
    return argument


def unbounded(argument: float) -> float | None:
    """Budget of a treatment that may change a picture by any amount."""
    return None
