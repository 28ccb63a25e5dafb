"""CLIP's tokenizer without a download: from the word list that the open_clip package ships.

Every Stable Diffusion model reads its prompts through this one vocabulary (Radford et al., 2021).
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from functools import cache
from pathlib import Path

MERGES = 49152 - 256 - 2
"""Merges that CLIP uses of the longer list in the file."""
START, END = "<|startoftext|>", "<|endoftext|>"
LENGTH = 77


def word_list() -> Path:
    """The compressed list of byte-pair merges."""
    spec = importlib.util.find_spec("open_clip")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("open_clip is not installed", name="open_clip")
    return Path(spec.origin).with_name("bpe_simple_vocab_16e6.txt.gz")


@cache
def whole_words() -> frozenset[str]:
    """Words that are one token: common in the texts that CLIP learned from, which are mostly English."""
    lines = gzip.decompress(word_list().read_bytes()).decode("utf-8").split("\n")
    merged = ("".join(line.split()) for line in lines[1 : MERGES + 1])
    return frozenset(word.removesuffix("</w>") for word in merged if word.endswith("</w>"))


def _letters() -> list[str]:
    """A printable character for each byte, in CLIP's order: those that print as themselves first."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in plain]
    return [*map(chr, plain), *(chr(256 + i) for i in range(len(others)))]


def write_tokenizer(folder: Path, *, padding: str) -> None:
    """Write a folder that `CLIPTokenizer.from_pretrained` opens.

    Args:
        padding: the token that fills texts up; models differ in it.
    """
    lines = gzip.decompress(word_list().read_bytes()).decode("utf-8").split("\n")
    merges = lines[1 : MERGES + 1]
    letters = _letters()
    words = [*letters, *(letter + "</w>" for letter in letters), *("".join(m.split()) for m in merges), START, END]
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
    config = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": LENGTH,
        "bos_token": START,
        "eos_token": END,
        "unk_token": END,
        "pad_token": padding,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
