"""Gains of training runs with a known protection index."""

import numpy as np
from numpy.typing import NDArray


def simulated_gains(
    rng: np.random.Generator,
    *,
    runs: int,
    index: float,
    gain: float = 0.3,
    shared_sd: float = 0.05,
    run_sd: float = 0.03,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gains of clean and of a protected condition, both (runs,), with common random numbers."""
    shared = rng.normal(0, shared_sd, runs)
    clean = gain + shared + rng.normal(0, run_sd, runs)
    treated = gain * (1 - index) + shared + rng.normal(0, run_sd, runs)
    return clean, treated
