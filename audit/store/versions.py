"""The version of every stored step, in one table: raise it when the step's code computes something else.

The version is part of the step's key, so that nothing an older code has left is taken for its result. Treatments and
metrics have a version of their own (`Treatment.version`, `StyleMetric.version`), which the keys of what they make hold
beside these.
"""

from __future__ import annotations

VERSIONS: dict[str, int] = {
    "latents": 1,  # a picture and its mirror image as the VAE sees them
    "text": 2,  # a text as the text encoders see it
    "treated": 2,  # pictures after one treatment
    "adapter": 2,  # one trained cell
    "pack": 3,  # the unfinished state of cells in training
    "pictures": 1,  # what one model draws
    "features": 1,  # a list of pictures as a shipped metric sees them
    "encoded": 1,  # one picture as an encoder sees it
    "plain-edit": 1,  # how much of what treated pictures changed is a plain edit
    "budget": 1,  # how far protected files are from their originals, for noise as strong
    "kept": 1,  # what of treated pictures' change is left at a model's size
    "visibility": 2,  # how far treated pictures are from their originals
}
