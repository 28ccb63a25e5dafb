"""CloakCheck: how much of an artist's style does a fine-tuned diffusion model still learn?"""

__version__ = "0.1.0"
