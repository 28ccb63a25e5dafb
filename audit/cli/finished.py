"""Commands on a finished run; none of them starts torch."""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.base.errors import BadInput, BadResults
from audit.base.messages import OtherWords, render, say
from audit.cli.app import app
from audit.cli.options import Json, announce, announce_score
from audit.cli.told import one_sentence

if TYPE_CHECKING:
    from audit.records import Results

PAGES = ("report.html", "report-court.html")

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")]

Margin = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=NUMBER", help="Judge with another margin than planned; the report says so. Repeatable."),
]


@contextmanager
def judgeable(*folders: Path) -> Iterator[None]:
    """One sentence for figures that fit the schema and still cannot be reckoned with, as after editing by hand.

    Args:
        folders: of the runs whose figures are read, as the sentence names them.
    """
    names = [f"{folder.absolute().name}/" for folder in folders]
    try:
        yield
    except OtherWords as error:
        raise BadResults("results-other-words", folders=names, id=error.id) from error
    except (ArithmeticError, LookupError, TypeError, ValueError, MemoryError) as error:
        raise BadResults("results-inconsistent", folders=names, kind=type(error).__name__) from error


@app.command()
def judge(folder: RunFolder, margin: Margin = None, json_output: Json = False) -> None:
    """Judge a finished run again from its results.json, and render its report."""
    with one_sentence():
        from audit.judge import with_margins
        from audit.runfolder import SCORE, read_results, read_score
        from audit.runfolder.judged import is_last_judged
        from audit.stages.finish import finish, finish_score

        if (folder / SCORE).exists():
            if margin:
                raise BadInput("score-margin")
            with judgeable(folder):
                scored = finish_score(read_score(folder), folder)
            announce_score(scored, folder, as_json=json_output)
            return

        changes = {name: value for name, _, value in (text.partition("=") for text in margin or [])}
        results = with_margins(read_results(folder), changes)
        if is_last_judged(folder / "results.json") is False:
            print(f"cloakcheck: {render(say('results-not-last-judged'))}", file=sys.stderr)
            results = results.model_copy(update={"edited_since_judged": True})
        kept = [page for page in PAGES if (folder / page).exists()] if _pictures_gone(results, folder) else []
        with judgeable(folder):
            judged = finish(results, folder, pages=not kept)
        if kept:
            print(
                f"cloakcheck: {render(say('pages-kept', folder=folder.absolute().name, pages=kept))}", file=sys.stderr
            )
        announce(judged, folder, as_json=json_output)


def _pictures_gone(results: Results, folder: Path) -> int:
    """How many pictures the results name where the folder has none of them; else 0."""
    named = {name for cell in results.cells for name in cell.generations.files} | set(results.work_images.values())
    return 0 if any((folder / "images" / name).is_file() for name in named) else len(named)


def _make_room(target: Path) -> None:
    """The folder of a page that is written elsewhere, once there is something to write."""
    from audit.store import storage_errors

    with storage_errors(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)


def _own_page(folder: Path, lang: str | None) -> Path:
    """The page of a run; in another language than the one that is there, it lies beside that one."""
    from audit.report.locale import language_of

    page = folder / "report.html"
    if lang is None or not page.exists() or language_of(page) == lang:
        return page
    return page.with_name(f"report-{lang}.html")


def _last_language(folder: Path) -> str | None:
    """The language of the page that was written last; None where there is none."""
    from audit.report.locale import language_of

    pages = [folder / "report.html", *folder.glob("report-??.html")]
    there = [page for page in pages if page.is_file()]
    return language_of(max(there, key=lambda page: page.stat().st_mtime)) if there else None


def _beside(page: Path) -> Path:
    """The court edition's file beside a page."""
    return page.with_name(f"{page.stem}-court{page.suffix or '.html'}")


@app.command()
def report(
    folder: RunFolder,
    court: Annotated[bool, typer.Option("--court", help="Also write report-court.html, to print: no script.")] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="Also print that page to report-court.pdf.")] = False,
    lang: Annotated[
        str | None, typer.Option(help="Language of the report: en or de (default: that of the last page, else en).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report to this file instead of RUN/report.html.")
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open the report in your browser.")] = False,
) -> None:
    """Render the report of a finished run again; results.json stays as it is."""
    with one_sentence():
        from audit.evidence.stated import stated_results
        from audit.judge.rejudged import first_difference
        from audit.judge.scored import judge_score, with_score_readings
        from audit.records import SCHEMA_VERSION
        from audit.runfolder import SCORE, read_score
        from audit.runfolder.judged import is_last_judged

        if out is None and (court or pdf):
            lang = lang or _last_language(folder)
        target = out or _own_page(folder, lang)
        if out is not None and out.is_dir():
            raise BadInput("report-out-folder", name=out.absolute().name)
        if (folder / SCORE).exists():
            read = read_score(folder)
            from audit.report.score import write_score_report

            _make_room(target)
            with judgeable(folder):
                scored = with_score_readings(read)
                edited = is_last_judged(folder / SCORE) is False
                if edited or read.schema_version == SCHEMA_VERSION:
                    again = judge_score(read)
                    scored = scored if first_difference(scored, again) is None else again
                if edited:
                    print(f"cloakcheck: {render(say('results-not-last-judged'))}", file=sys.stderr)
                path = write_score_report(scored, run_folder=folder, lang=lang, target=target)
            if open_it:
                webbrowser.open(path.resolve().as_uri())
            print(path)
            return
        with judgeable(folder):
            results, said = stated_results(folder)
        for one in said:
            print(f"cloakcheck: {render(one)}", file=sys.stderr)
        from audit.report import print_pdf, write_report

        pages = [target, *([_beside(target)] if court or pdf else [])]
        # A page without any of its pictures would be written over one that has them.
        own = {(folder / page).resolve() for page in PAGES}
        if (count := _pictures_gone(results, folder)) and any(p.exists() and p.resolve() in own for p in pages):
            raise BadResults("pictures-missing", folder=folder.absolute().name, count=count)
        _make_room(target)
        with judgeable(folder):
            path = write_report(results, run_folder=folder, lang=lang, target=target)
        if court or pdf:
            print(page := write_report(results, run_folder=folder, edition="court", lang=lang, target=pages[1]))
            if pdf:
                print(print_pdf(page, page.with_suffix(".pdf"), attached=folder / "results.json"))
        if open_it:
            # A browser that cannot be started must not fail the command: the path is printed all the same.
            webbrowser.open(path.resolve().as_uri())
        print(path)


@app.command()
def export(
    folder: RunFolder,
    format: Annotated[str, typer.Option(help="csv, json or parquet.")] = "csv",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder to write into (default: RUN/tables).")] = None,
) -> None:
    """Write a run's numbers as tables for other programs: one row per score, one row per estimate."""
    with one_sentence():
        from audit.commands.export_tables import export_tables
        from audit.evidence.stated import stated_results

        with judgeable(folder):
            results, said = stated_results(folder)
        for one in said:
            print(f"cloakcheck: {render(one)}", file=sys.stderr)
        for path in export_tables(results, format=format, out=out or folder / "tables"):
            print(path)
