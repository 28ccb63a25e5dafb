"""Plain words for conditions, labels and shares; the verdict and the report use the same ones."""

from __future__ import annotations

from collections.abc import Callable

from audit.base.text import printable
from audit.records import VerdictLabel

TELLS_NOTHING = 0.4
"""Width of an index's range from which "about as much" would claim a likeness that nobody saw."""

LABEL_WORDS: dict[VerdictLabel, str] = {
    "held": "Held",
    "partly-held": "Held only in part",
    "did-not-hold": "Did not hold",
    "inconclusive": "Not clear",
    "not-valid": "Test not valid",
    "exploratory": "First look only",
}

# A name without an argument reads as the first text, one with an argument as the second.
SUBJECTS: dict[str, tuple[str, str]] = {
    "base": ("the model before any training", "the model before any training ({arg})"),
    "clean": ("your unprotected originals", "your unprotected originals ({arg})"),
    "clean-again": ("your originals trained once more", "your originals trained once more ({arg})"),
    "protected": ("your protected files", "your protected files ({arg})"),
    "placebo": ("random noise in place of a protection", "random noise at strength {arg} of 255"),
    "placebo-lpips": ("random noise as visible as the protection", "random noise at distance {arg}"),
    # Its budget is an LPIPS distance, not levels of 255.
    "style-cloak": ("the reference protection style-cloak", "the reference protection style-cloak at distance {arg}"),
    "null": ("a change too small to see", "a change too small to see ({arg})"),
    "identity": ("unchanged copies of your originals", "unchanged copies of your originals ({arg})"),
    "other-artist": ("works by another artist", "works by another artist ({arg})"),
    "mixed": ("a mix of protected and unprotected files", "a mix with a share of {arg} left unprotected"),
    "as-published": ("your files as a website shows them", "your files as a website shows them ({arg})"),
}

COUNTERMEASURES: dict[str, tuple[str, str]] = {
    "jpeg": ("JPEG compression", "JPEG compression at quality {arg}"),
    "resize": ("resizing", "resizing ({arg})"),
    "bilateral": ("edge-keeping smoothing", "edge-keeping smoothing ({arg} passes)"),
    "bits": ("fewer colours", "fewer colours ({arg} bits)"),
    "tv": ("total-variation smoothing", "total-variation smoothing ({arg})"),
    "noisy-upscale": ("noise and repainting", "noise at strength {arg} of 255 and repainting"),
    "impress": ("the purifier IMPRESS", "the purifier IMPRESS ({arg})"),
    "as-published": ("publishing on a website", "publishing on {arg}"),
    "mixed": ("putting part of the originals back", "putting a share of {arg} of the originals back"),
    "noise": ("added noise", "added noise at strength {arg} of 255"),
    "blur": ("blurring", "blurring ({arg})"),
    "filter": ("smoothing", "smoothing ({arg})"),
    "median": ("a median filter", "a median filter ({arg})"),
    "vae": ("a pass through an autoencoder", "a pass through an autoencoder ({arg})"),
    "diffusion": ("repainting by a diffusion model", "repainting by a diffusion model ({arg})"),
}


def condition_words(name: str) -> str:
    """Name of a condition for a lay reader, to stand within a sentence.

    For instance `encoder-pgd:16` is "the reference protection encoder-pgd at strength 16 of 255" and
    `protected+jpeg:50` is "your protected files after JPEG compression at quality 50". Any string
    gives an answer; what is not known is shown as typed.
    """
    subject, *treatments = printable(name, limit=80).split("+")
    words = _words(subject, SUBJECTS, unknown=_reference_protection)
    if not treatments:
        return words
    return f"{words} after " + " and then ".join(
        _words(treatment, COUNTERMEASURES, unknown=_treatment) for treatment in treatments
    )


def change_words(index: float) -> str:
    """A protection index as a change of what was learned: "35 % less", "5 % more", "the same amount"."""
    percent = round(abs(index) * 100)
    direction = "less" if index > 0 else "more"
    if percent == 0:
        return "the same amount"
    # Nothing is ever said to be whole or twice: the figure would claim more than a test can.
    return f"{percent} % {direction}" if percent <= 95 else f"over 95 % {direction}"


def range_words(low: float, high: float) -> str:
    """Bounds of a protection index, `low` <= `high`: "between 10 % and 60 % less"."""
    first, second = (low, high) if high > 0 else (high, low)
    start, end = change_words(first), change_words(second)
    if start == end:
        return start if start.startswith("over") else f"near {start}"
    direction = end.rsplit(" ", 1)[-1]
    return f"between {start.removesuffix(f' {direction}')} and {end}"


def learned_words(index: float, low: float | None, high: float | None) -> str:
    """What a model learned, as a clause without capital or full stop.

    Args:
        index: protection index; 0.35 reads as "about 35 % less".
        low, high: its bounds, or None.

    A wide interval rounds the middle figure to 5 %; the bounds keep whole per cents, so that they
    stay on their side of the margins that the verdict words stand for.
    """
    bounds = None if low is None or high is None else (low, high)
    wide = bounds is not None and bounds[1] - bounds[0] >= 0.2
    shown = change_words(round(index * 20) / 20 if wide else index)
    if shown == "the same amount" and bounds is not None and bounds[1] - bounds[0] >= TELLS_NOTHING:
        # A range that wide shows no likeness either.
        text = "no clear difference showed in how much of the style the model learned"
    elif shown == "the same amount":
        text = "the model learned about as much of the style as from the originals"
    else:
        qualifier = "" if shown.startswith("over") else "about "
        text = f"the model learned {qualifier}{shown} of the style than from the originals"
    if bounds is not None:
        text += f" (likely {range_words(*bounds)})"
    return text


def _words(part: str, table: dict[str, tuple[str, str]], *, unknown: Callable[[str, str], str]) -> str:
    name, _, arg = part.partition(":")
    if name not in table:
        return unknown(name, arg)
    without, with_argument = table[name]
    return with_argument.format(arg=arg) if arg else without


def _reference_protection(name: str, arg: str) -> str:
    if not arg:
        return f"the reference protection {name}"
    if arg.replace(".", "", 1).isdecimal():
        return f"the reference protection {name} at strength {arg} of 255"
    return f"the reference protection {name} ({arg})"


def _treatment(name: str, arg: str) -> str:
    return f"the treatment {name} ({arg})" if arg else f"the treatment {name}"
