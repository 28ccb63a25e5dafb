"""The command of a run that has not ended, kept in its folder, so that the folder alone is enough to go on.

It names folders of this machine. So it lies there only until the run ends, for its owner alone, and in no bundle; and
it counts only where the store that it names wrote down that this very run lies in this very folder, so that a folder
that somebody sent is not followed.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from audit.base.errors import BadInput
from audit.base.files import read_bounded
from audit.models.cards import cards
from audit.plan.spec import MOST_BYTES, PATHS, WITH_FOLDER, Spec, typed_control
from audit.runfolder import COMMAND, plan_file_digest
from audit.store import default_store, write_atomic
from audit.store.owners import owners_of
from audit.store.sound import remove_below


def keep_command(spec: Spec, folder: Path) -> None:
    """Write down how a run was asked for, with absolute paths.

    Raises:
        StorageError: the folder cannot be written.
    """
    whole = spec.model_copy(
        update={
            **{name: path.absolute() for name in PATHS if (path := getattr(spec, name)) is not None},
            "protected": {name: path.absolute() for name, path in spec.protected.items()},
            "store": (spec.store or default_store()).absolute(),
            "out": folder.absolute(),
            "control": tuple(_whole(text) for text in spec.control),
            "model": _placed(spec.model),
            "surrogate": _placed(spec.surrogate) if spec.surrogate else spec.surrogate,
            "draw_with": _placed(spec.draw_with) if spec.draw_with else spec.draw_with,
        }
    )
    data = json.dumps(whole.model_dump(mode="json"), indent=1) + "\n"
    write_atomic(folder / COMMAND, data.encode("utf-8", "surrogateescape"))


def drop_command(folder: Path) -> None:
    """The run has ended: its folder names no other folder any more."""
    if (folder / COMMAND).is_file():
        remove_below(folder, folder / COMMAND)


def read_command(folder: Path) -> Spec:
    """How the run in a folder was asked for.

    Raises:
        BadInput: `resume-unknown`; its ends say whether it is no run, has ended, or is not known here.
    """
    name, digest = folder.absolute().name, plan_file_digest(folder)
    if not folder.exists():
        raise BadInput("resume-unknown.absent", folder=name)
    if not folder.is_dir() or digest is None:
        raise BadInput("resume-unknown.no-run", folder=name)
    if (folder / "results.json").is_file() and not (folder / COMMAND).is_file():
        raise BadInput("resume-unknown.ended", folder=name)
    try:
        spec = Spec.model_validate(json.loads(read_bounded(folder / COMMAND, limit=MOST_BYTES).decode("utf-8")))
    except (OSError, ValueError, ValidationError, RecursionError) as error:
        raise BadInput("resume-unknown", folder=name) from error
    here = folder.resolve()
    known = owners_of(spec.store) if spec.store is not None else []
    if not any(Path(owner.folder) == here and owner.plan_sha256 == digest for owner in known):
        raise BadInput("resume-unknown", folder=name)
    return spec.model_copy(update={"out": folder})


def _whole(control: str) -> str:
    name, folder = typed_control(control)
    return f"{name}:{Path(folder).absolute()}" if name == WITH_FOLDER and folder else control


def _placed(model: str) -> str:
    """A model's path in full; names stay."""
    return model if model == "lab" or model in cards() else str(Path(model).expanduser().absolute())
