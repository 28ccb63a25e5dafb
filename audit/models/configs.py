"""The small JSON files of a model folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from audit.base.errors import BadModel
from audit.base.files import read_bounded

MOST_CONFIG_BYTES = 16 << 20


def read_config(path: Path) -> dict[str, Any]:
    """A JSON object of a model folder.

    Raises:
        BadModel: `model-incomplete`, missing, too large, or no JSON object.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise BadModel("model-incomplete.object", folder=path.parent.name, file=path.name)
    return value


def read_json(path: Path) -> Any:
    """A JSON file of a model folder, whatever it holds.

    Raises:
        BadModel: `model-incomplete`, missing, too large, or no JSON.
    """
    try:
        return json.loads(read_bounded(path, limit=MOST_CONFIG_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise BadModel("model-incomplete", folder=path.parent.name, file=path.name) from error
