"""CloakCheck: how much of an artist's style does a fine-tuned diffusion model still learn?"""

import os

# Read by OpenMP when torch is loaded. Threads that wait for each other by spinning all stand still as soon as another
# program takes one's core (scripts/bench_busy).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
