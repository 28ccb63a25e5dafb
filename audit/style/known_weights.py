"""Whether an encoder's weights are those that were published: files under the right names are not enough."""

from __future__ import annotations

from pathlib import Path

from safetensors import safe_open

from audit.base.errors import BadModel
from audit.base.files import file_digest
from audit.base.messages import Said, say
from audit.models.headers import read_header
from audit.style import StyleMetric
from audit.style.weights_paths import CONVERTED_FROM


def state_of(row: StyleMetric) -> Said:
    """What `cloakcheck encoder list` says of an encoder: where its weights come from, or what lies in their place."""
    published = row.published
    assert published is not None
    expected, told = published.sha256, published.told()
    if not row.present():
        id = "encoder.not-here" if expected else "encoder.not-here-unknown"
        return say(id, name=row.name, published=told, **({"expected": expected} if expected else {}))
    file = next(path for path in row.weights() if path.suffix == ".safetensors")
    try:
        begun = untrained(file)
    except BadModel:
        return say("encoder.broken", name=row.name, file=file.name, published=told)
    if begun:
        return say("encoder.untrained", name=row.name, file=file.name, published=told)
    seen = _converted_from(file) or file_digest(file)
    if not expected:
        return say("encoder.unknown", name=row.name, file=file.name, seen=seen, licence=published.licence)
    if seen != expected:
        return say("encoder.other", name=row.name, seen=seen, expected=expected, published=told)
    return say("encoder.here", name=row.name, digest=row.digest(), licence=published.licence)


def _converted_from(file: Path) -> str | None:
    return read_header(file).metadata.get(CONVERTED_FROM)


def untrained(file: Path) -> bool:
    """Whether weights are as a network begins: the gain of every norm is exactly 1. No training leaves them so.

    Raises:
        BadModel: it is no whole safetensors file.
    """
    vectors = [name for name, entry in read_header(file).tensors.items() if len(entry.shape) == 1]
    gains = [name for name in vectors if name.endswith("weight") and ("norm" in name or "ln_" in name)]
    with safe_open(file, framework="pt") as handle:
        return bool(gains) and all(bool((handle.get_tensor(name) == 1).all()) for name in gains)
