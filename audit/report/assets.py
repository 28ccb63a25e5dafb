"""Where the page's templates, style, script and translations lie."""

from __future__ import annotations

from pathlib import Path

import audit
from audit.base.errors import StorageError


def templates_folder() -> Path:
    """`audit/_templates` in an installed package, `templates/` beside the package in a checkout.

    Raises:
        StorageError: `templates-missing`, when neither holds the page's templates.
    """
    package = Path(audit.__file__).parent
    for folder in (package / "_templates", package.parent / "templates"):
        if (folder / "page.html.j2").is_file():
            return folder
    raise StorageError("templates-missing")
