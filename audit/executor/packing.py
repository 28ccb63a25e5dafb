"""How work is cut for a machine: how much goes together, how much side by side, what is done to save memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from audit.base.messages import Said, say


@dataclass(frozen=True)
class Saving:
    """How memory is saved while LoRAs train.

    Attributes:
        offload: the VAE, and text encoders that are not trained, wait in main memory.
        half: the denoiser's matrices lie on the device in bfloat16; only where autocast uses it.
        checkpointing: activations inside blocks are computed again in the backward pass.
    """

    offload: bool = False
    half: bool = False
    checkpointing: bool = False

    def told(self) -> tuple[Said, ...]:
        """What is done, as messages."""
        done = {"saving.offload": self.offload, "saving.half": self.half, "saving.checkpointing": self.checkpointing}
        return tuple(say(id) for id, is_done in done.items() if is_done)


PICTURES = 32
"""Pictures that are drawn in one batch at most."""


@dataclass(frozen=True)
class Packing:
    """How cells are trained together, and pictures drawn.

    Attributes:
        cells: greatest number in one pass; workers: passes side by side (`audit.executor.side_by_side`).
        saving: what is done so that they fit into memory.
        pictures: drawn in one batch; decoded: of these, at once.
        bytes: that the process is foreseen to take with it, at most; 0 where nobody counted.
    """

    cells: int = 1
    workers: int = 1
    saving: Saving = field(default_factory=Saving)
    pictures: int = PICTURES
    decoded: int = PICTURES
    bytes: float = 0.0


@dataclass
class Fitting:
    """How many pictures turned out to fit, where memory ran out at more: what the next model begins with.

    Attributes:
        pictures: in one batch; decoded: at once.
    """

    pictures: int = PICTURES
    decoded: int = PICTURES
