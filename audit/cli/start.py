"""The guided start, for people who never use a terminal: it asks, looks at each answer at once, and runs a test."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.base.errors import BadInput
from audit.base.files import typed_path
from audit.base.messages import Said, render, say
from audit.cli.app import app
from audit.cli.audits import audit_asked
from audit.cli.forget import REPORTS
from audit.cli.options import announce, confirmed
from audit.cli.told import one_sentence, tell

if TYPE_CHECKING:
    from audit.collect.folders import Role
    from audit.plan.spec import Spec


@app.command()
def start(
    shortcut: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a file to double-click into this folder, such as ~/Desktop."),
    ] = None,
    page: Annotated[bool, typer.Option("--page", help="Open the page in the browser instead, as `ui` does.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for Enter at the end, so that a window stays.")] = False,
) -> None:
    """Ask for the two folders, one question after another, and run a test: the easiest way to begin."""
    try:
        with one_sentence():
            if shortcut is not None:
                from audit.commands.starter import can_open_page, write_starter

                path = write_starter(shortcut, program=Path(sys.executable), reports=Path.cwd(), page=can_open_page())
                tell("start.made", folder=str(Path.cwd() / REPORTS))
                print(path)
                return
            if page:
                from audit.cli.browser import open_page

                open_page(port=None, browser=True, reports=REPORTS)
            else:
                _guide()
    finally:
        if wait:
            _ask(say("start.close"), needed=False)


def _guide() -> None:
    tell("start.hello")
    judged, folder = audit_asked(_unfinished() or _questions(), yes=False)
    page = (folder / "report.html").resolve()
    tell("start.opened")
    webbrowser.open(page.as_uri())
    announce(judged, folder, as_json=False)


def _unfinished() -> Spec | None:
    """The newest test that was stopped, where the person wants to go on with it."""
    from audit.plan.unfinished import read_command
    from audit.runfolder import COMMAND

    for left in sorted(REPORTS.glob(f"*/{COMMAND}"), reverse=True):
        try:
            found = read_command(left.parent)
        except BadInput:
            continue
        return found if confirmed(say("start.unfinished", folder=str(left.parent))) else None
    return None


def _questions() -> Spec:
    from audit.plan.early_refusals import refuse_early
    from audit.plan.spec import load_spec

    while True:
        originals, works = _folder("start.originals", "originals")
        protected, copies = _folder("start.protected", "protected")
        options = {"originals": originals, "protected": (str(protected),), "artist": ""}
        try:
            refuse_early(load_spec(options, None))
            break
        except BadInput as error:
            _tell_again(error)
    tell("start.found", works=works, copies=copies)
    options["artist"] = _ask(say("start.artist"))
    options["preset"] = "standard" if confirmed(say("start.whole")) else "quick"
    return load_spec(options, None)


def _folder(question: str, role: Role) -> tuple[Path, int]:
    """A folder with pictures, asked for until there is one; how many it holds."""
    from audit.collect.folders import list_pictures

    while True:
        path = typed_path(_ask(say(question)))
        try:
            return path, len(list_pictures(path, role, []))
        except BadInput as error:
            _tell_again(error)


def _tell_again(error: BadInput) -> None:
    for said in (*error.beside, error.said, say("start.again")):
        print(f"  {render(said)}", file=sys.stderr)


def _ask(question: Said, *, needed: bool = True) -> str:
    """One line of an answer.

    Raises:
        BadInput: `start-unanswered`, the input has ended.
    """
    print(f"\n{render(question)}: ", end="", file=sys.stderr, flush=True)
    try:
        return input().strip()
    except EOFError:
        if needed:
            raise BadInput("start-unanswered") from None
        return ""
