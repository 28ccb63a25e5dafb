"""The command that takes an artist's works out of a download archive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.base.progress import Progress
from audit.cli.app import app
from audit.cli.told import one_sentence, tell

Archives = Annotated[
    list[Path], typer.Argument(metavar="ARCHIVE...", help="Zip or folder of a download; all parts of one may be given.")
]
Target = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of pictures to make; it must be empty.")]
ServiceName = Annotated[
    str | None, typer.Option("--service", help="x, instagram, artstation, deviantart or pixiv, where it is not seen.")
]
FEW, GOOD = 10, 20
"""Works below which an audit refuses, and below which it warns."""


@app.command()
def gallery(archives: Archives, out: Target, service: ServiceName = None) -> None:
    """Take your own pictures out of a download archive, with captions and dates; offline."""
    with one_sentence():
        from audit.commands.gallery import import_gallery, why_of

        taken = import_gallery(archives, out=out, service=service, progress=Progress())
        count = len(taken.works)
        tell("told.gallery", count=count, service=taken.service, captions=taken.captions)
        if taken.first:
            tell("told.gallery-dates", first=taken.first, last=taken.last)
        for why, n in taken.left.items():
            tell("told.gallery-left", count=n, why=why_of(why))
        tell("told.gallery-look", folder=out.name)
        if count < FEW:
            tell("told.gallery-few", count=count, least=FEW)
        else:
            tell("told.gallery-next" if count >= GOOD else "told.gallery-next.more", folder=str(out), good=GOOD)
        print(out)
