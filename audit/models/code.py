"""Nothing of a model folder is ever run; one that brings code expects to be, and would not be itself without it.

Looked at are all folders below the model's own, but those whose names begin with a dot (.git, .cache), which no
library opens. The libraries themselves would ask at the keyboard, fetch, or leave a traceback.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from audit.base.errors import BadModel
from audit.models.configs import read_json

CODE = re.compile(r".*\.(py|pyc|pyo|pyd|so(\.\d+)*|dll|dylib)", re.IGNORECASE | re.DOTALL)
"""Names of what Python or the system's linker would run."""
NAMES_CODE = frozenset(("auto_map", "trust_remote_code", "custom_pipelines", "custom_pipeline"))
"""Words of configs that send a library to code."""
FETCHES = frozenset(("hf_model_name", "hf_model_pretrained", "timm_model_pretrained"))
"""Words that send open_clip to a hub."""
KERNELS = frozenset(("attn_implementation", "experts_implementation"))
OWN = ("eager", "sdpa", "", None)
"""Ways to compute attention for which nothing is fetched; `flash_attention_2` is, where the package `kernels` is."""
DATA = frozenset(("tokenizer.json", "vocab.json", "added_tokens.json"))
"""Lists of words, which mean nothing to a library but words, and may be large."""


def refuse_code(folder: Path) -> None:
    """Refuse a model folder with code in it, or with a config that names code.

    Raises:
        BadModel: `model-code`; `model-incomplete`, a config that cannot be read.
    """
    for file in sorted(_files(folder)):
        name = file.relative_to(folder).as_posix()
        if CODE.fullmatch(file.name):
            raise BadModel("model-code", file=name)
        # A link to nowhere is a file that was not fetched.
        if file.name.endswith(".json") and file.name not in DATA and file.exists():
            if names_code(read_json(file)):
                raise BadModel("model-code.named", file=name)


def names_code(value: Any) -> bool:
    """Whether a config, or one within it, sends its reader to code or to a hub."""
    left = [value]
    while left:
        at = left.pop()
        if isinstance(at, list):
            left += at
        elif isinstance(at, dict):
            for word, said in at.items():
                bare = word.lower().lstrip("_").removesuffix("_internal")
                if (said and bare in NAMES_CODE | FETCHES) or (bare in KERNELS and not _own(said)):
                    return True
                left.append(said)
    return False


def _own(said: Any) -> bool:
    """Whether an implementation is the library's own: a word, or a word for each part of the model."""
    if isinstance(said, dict):
        return all(map(_own, said.values()))
    return not isinstance(said, list) and said in OWN


def _files(folder: Path) -> Iterator[Path]:
    # A component may be a link to a folder; links further down are not entered, and may lead in circles.
    links = [place for place in folder.glob("*") if place.is_symlink() and place.is_dir()]
    for place in (folder, *links):
        for here, folders, names in os.walk(place):
            folders[:] = [name for name in folders if not name.startswith(".")]
            yield from (Path(here) / name for name in names)
