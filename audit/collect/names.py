"""File names as evidence: what a work is called, and which tool renamed a protected copy."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from audit.base.text import printable
from audit.records.works import NEUTRAL_CAPTION

_CAPTION_CHARACTERS = 200
NIGHTSHADE = "Nightshade"
"""Its authors advise against judging it by LoRA fine-tuning, and it changes subjects rather than style."""

_WORDS_OF_TOOLS = {
    "glazed": "Glaze",
    "nightshaded": NIGHTSHADE,
    "nightshade": NIGHTSHADE,
    "shaded": NIGHTSHADE,
    "misted": "Mist",
    "photoguard": "PhotoGuard",
    "metacloak": "MetaCloak",
    "protected": "",
    "cloaked": "",
    "poisoned": "",
    "immunized": "",
}
_WORD = "|".join(_WORDS_OF_TOOLS)
_NUMBER = r"\d+(?:\.\d+)?"
# How tools rename what they protect; `o` is the original's name, `w` a word that names the tool.
# Greedy, so that one match takes off one renaming, the outermost.
_RENAMINGS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (tool, re.compile(rule, re.ASCII | re.IGNORECASE | re.DOTALL))
    for tool, rule in (
        ("", r"(?P<o>.+)[-_ ](?P<w>glazed|nightshade)-intensity.*"),
        # <name>_<eps>_<steps>_<size>_<blocks>_<mode>_<rate>_<mask>_<nonresize>
        ("Mist", rf"(?P<o>.+)_{_NUMBER}_\d+_\d+_\d+_\d+_{_NUMBER}_(?:true|false|\d)_(?:true|false|\d)"),
        ("Mist", r"5_noise_(?P<o>.+)"),
        ("Anti-DreamBooth", r"\d+_noise_(?P<o>.+)"),
        ("MetaCloak", r"noisy_(?P<o>.+)"),
        ("Diff-Protect", r"(?P<o>.+)_attacked"),
        ("", rf"(?P<o>.+?)[-_ .(\[]+(?P<w>{_WORD})[)\]]?"),
        ("", rf"[(\[]?(?P<w>{_WORD})[-_ .)\]]+(?P<o>.+)"),
    )
)


def original_names(name: str) -> dict[str, tuple[str, ...]]:
    """Undo the renamings of protection tools: which original a protected file may have been made from.

    Glaze, Nightshade, Mist 1 and 2, Anti-DreamBooth, MetaCloak, Diff-Protect, and words such as
    `protected` or `cloaked` before or behind, one after another. Case does not matter.

    Args:
        name: file name with its extension.

    Returns:
        Possible names of the original, the least changed first (so the first is the stem itself), with
        the tools that the change claims, in order of use. A name may still end in an extension, since
        Anti-DreamBooth and MetaCloak put theirs before the whole file name.
    """
    found: dict[str, tuple[str, ...]] = {Path(name).stem: ()}
    queue = list(found)
    for current in queue:
        for tool, rule in _RENAMINGS:
            match = rule.fullmatch(current)
            if match and match["o"] not in found:
                claimed = tool or _WORDS_OF_TOOLS[match["w"].lower()]
                found[match["o"]] = tuple(dict.fromkeys(t for t in (claimed, *found[current]) if t))
                queue.append(match["o"])
    return found


def is_word_of_tools(name: str) -> bool:
    """Whether a name is nothing but a word for protected copies, such as `glazed` or `Protected`."""
    return name.casefold() in {*_WORDS_OF_TOOLS, "glaze", "mist"}


_LEVEL = re.compile(
    r"[-_ ](?:glazed|nightshade)-intensity-?(?P<level>[^.]+?)(?=[-_ ](?:glazed|nightshade)-intensity|\.|$)",
    re.IGNORECASE,
)
"""How Glaze and Nightshade write their setting into a file's name."""
_LEVEL_CHARACTERS = 40


def claimed_levels(name: str) -> tuple[str, ...]:
    """The settings of protection tools that a file name claims, in order of use, made printable."""
    return tuple(printable(found["level"], limit=_LEVEL_CHARACTERS) for found in _LEVEL.finditer(name))


_UUID = re.compile(r"(?<![^\W_])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![^\W_])", re.IGNORECASE)
_COUNTED = re.compile(r"\d*(\D{3,})\d*")
_CAMEL = re.compile(r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])")
# Words that cameras, scanners, programs and hurried people put into file names.
_NO_SUBJECT = frozenset(
    """copy final finished finale edit edited version ver rev untitled unnamed image images img imgs pic
    pics picture pictures photo photos scan scanned screenshot dcim mvimg pano sam vid export exported
    output draft wip original originals orig artwork file files document download downloads temp
    whatsapp telegram signal discord instagram twitter fullsize hires lowres highres resized jpeg webp
    tiff am pm""".split()
)
# Kept between words, never at either end, and no subject on their own.
_FUNCTION_WORDS = frozenset("a an the of on in at and or by for from to with my no is".split())


def first_caption(text: str) -> str:
    """The first line of a sidecar that says something, '' without one."""
    return next((said for line in text.splitlines() if (said := clean_caption(line))), "")


def caption_for(name: str, *, sidecar: str | None = None) -> str:
    """Say what a picture shows: the sidecar's first line, else the words of its file name.

    Args:
        name: file name with extension, any string.
        sidecar: text of the file beside it.

    Returns:
        One line of 1 to 200 characters without control or direction characters; `a picture` when
        neither names a subject.
    """
    if sidecar is not None and (said := first_caption(sidecar)):
        return said
    *_, bare = original_names(name)
    words = [w for w in _words(bare) if w not in _NO_SUBJECT]
    while words and words[0] in _FUNCTION_WORDS:
        del words[0]
    while words and words[-1] in _FUNCTION_WORDS:
        del words[-1]
    return clean_caption(" ".join(words)) or NEUTRAL_CAPTION


def clean_caption(line: str) -> str:
    """One line of at most 200 characters without control or direction characters; '' when nothing is left."""
    spaced = " ".join(line.split())  # a tab is a control character too, but parts words
    kept = "".join(c for c in spaced if not unicodedata.category(c).startswith("C"))
    kept = " ".join(unicodedata.normalize("NFC", kept).split())
    if len(kept) > _CAPTION_CHARACTERS:
        kept = kept[:_CAPTION_CHARACTERS].rsplit(" ", 1)[0]
    return kept


def _words(stem: str) -> list[str]:
    """Lower-case words of a name; numbers, dates, hashes and abbreviations are dropped."""
    text = _UUID.sub(" ", unicodedata.normalize("NFC", stem))
    spaced = "".join(c if unicodedata.category(c)[0] in "LM" or c.isdecimal() else " " for c in text)
    words: list[str] = []
    for token in spaced.split():
        # A number before or behind a word is a counter; within, it makes an id or a hash.
        counted = _COUNTED.fullmatch(token)
        letters = counted[1] if counted else "" if any(c.isdecimal() for c in token) else token
        words += [w for w in _CAMEL.sub(" ", letters).lower().split() if _is_word(w)]
    return words


def _is_word(word: str) -> bool:
    if word.isascii():  # without a vowel, an abbreviation or part of an id
        return word in _FUNCTION_WORDS or (len(word) > 1 and re.search("[aeiouy]", word) is not None)
    return any(c.isalpha() for c in word)
