"""The command that deletes what runs leave behind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.base.errors import BadInput
from audit.base.messages import Said, say
from audit.cli.app import app
from audit.cli.options import StoreAt, confirmed
from audit.cli.told import one_sentence, tell

if TYPE_CHECKING:
    from audit.evidence.forget import Forgotten
    from audit.evidence.withdraw import Left

REPORTS = Path("reports")
"""Where runs lie that no --out was given for."""


@app.command()
def forget(
    store: StoreAt = None,
    only_adapters: Annotated[bool, typer.Option("--only-adapters", help="Keep pictures and other steps.")] = False,
    run: Annotated[
        list[Path] | None, typer.Option("--run", help="Delete what a run wrote into this folder; may be repeated.")
    ] = None,
    artist: Annotated[
        str | None, typer.Option("--artist", help="Delete this artist's runs and what the store holds of them.")
    ] = None,
    artist_of: Annotated[
        Path | None, typer.Option("--artist-of", metavar="RUN", help="The same, for the artist of this run.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Delete the store's contents and all runs that used it.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete the copies of pictures and the trained add-ons that runs left in the store, or runs themselves."""
    with one_sentence():
        from audit.base.progress import Progress
        from audit.evidence import forget as deleting
        from audit.evidence import withdraw
        from audit.store import default_store
        from audit.store.owners import drop_owner, owners_of

        if artist_of is not None and artist is not None:
            raise BadInput("forget-choice")
        if artist_of is not None:
            artist, run = withdraw.left_in(artist_of).artist, [*(run or []), artist_of]
        # Beside --artist they are folders to look through.
        named = bool(run) and artist is None
        if sum((only_adapters, named, artist is not None, everything)) > 1:
            raise BadInput("forget-choice")
        at, folders = store or default_store(), [folder.resolve() for folder in run or []]
        if not named:
            deleting.look_at(at)
        lying = [path.parent.resolve() for path in sorted(REPORTS.glob("*/plan.json"))]
        recorded = owners_of(at)
        known = withdraw.known_runs(recorded, [*lying, *folders])
        if artist is not None:
            folders = withdraw.runs_of(artist, known)
            if not any(deleting.folded(owner.artist) == deleting.folded(artist) for owner in known):
                raise BadInput("artist-unknown", name=artist, known=tuple(sorted({owner.artist for owner in known})))
        elif everything:
            # What merely lies below reports/ may be anybody's: a sample, a run that was handed over.
            folders = sorted({f for owner in recorded for f in withdraw.runs_of(owner.artist, [owner])})
        left = {folder: withdraw.left_in(folder) for folder in folders}
        what = _what(only_adapters=only_adapters, artist=artist, of_the_store=not named)
        if not yes:
            for folder, of in left.items():
                tell("told.run-goes", folder=str(folder), artist=of.artist, pictures=of.pictures, works=of.works)
            if not confirmed(what):
                raise BadInput("forget-refused")
        if not named:
            # First, while plans and records still tell whose its pictures are.
            progress = Progress()
            progress.stage(say("stage.forget"), 0)
            if artist is None:
                gone = deleting.forget(at, only_adapters=only_adapters, told=progress.count)
            else:
                gone = deleting.forget_artist(at, [artist], known, told=progress.count)
            progress.close()
            tell("told.deleted", files=gone.files, mb=gone.size / 1e6)
            if gone.untold:
                tell("told.untold-steps", n=gone.untold)
        for folder in folders:
            _delete(folder, *withdraw.forget_run(folder), bundle=left[folder].bundle)
            drop_owner(at, folder)
        if artist is not None:
            for owner in known:
                if deleting.folded(owner.artist) == deleting.folded(artist):
                    drop_owner(at, Path(owner.folder))
        for folder in sorted({f for owner in known for f in withdraw.runs_of(owner.artist, [owner])}):
            if not only_adapters and artist is None:
                _tell_left(withdraw.left_in(folder))
        if named:
            tell("told.store-kept")


def _what(*, only_adapters: bool, artist: str | None, of_the_store: bool) -> Said:
    """The question."""
    if only_adapters:
        return say("forget-asks.adapters")
    if artist is not None:
        return say("forget-asks.artist", name=artist)
    return say("forget-asks.store" if of_the_store else "forget-asks.runs")


def _delete(folder: Path, gone: Forgotten, others: Sequence[str], *, bundle: Path | None) -> None:
    tell("told.run-deleted", folder=str(folder), files=gone.files, mb=gone.size / 1e6)
    if others:
        tell("told.left-others", folder=str(folder), names=tuple(others))
    if bundle is not None:
        tell("told.left-bundle", folder=str(bundle))


def _tell_left(left: Left) -> None:
    tell(
        "told.left-run",
        folder=str(left.folder),
        artist=left.artist,
        pictures=left.pictures,
        works=left.works,
        mails=say("told.left-mails", n=left.mails) if left.mails else "",
    )
    if left.bundle is not None:
        tell("told.left-bundle", folder=str(left.bundle))
