"""Pictures of a closed service beside the artist's works: folders, names, and into the queue; nothing is trained."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from audit.base.errors import AuditError, BadInput
from audit.base.files import typed_path
from audit.base.text import printable
from audit.ui.drafts import SCORE, SERVICE, SERVICE_FOLDERS, Draft, Drafts
from audit.ui.jobs import AUDITS, Jobs
from audit.ui.opened import Opened
from audit.ui.plans import free_folder
from audit.ui.shell import Shell, led

MOST_NAME = 200
FIELDS = ("originals", *SERVICE_FOLDERS, "artist", "service")


class ServicePages:
    """The one step before such a test.

    Args:
        reports: where run folders are made.
    """

    def __init__(self, shell: Shell, drafts: Drafts, jobs: Jobs, opened: Opened, *, reports: Path) -> None:
        self._shell, self._drafts, self._jobs, self._opened, self._reports = shell, drafts, jobs, opened, reports

    def routes(self) -> list[Route]:
        """Its addresses."""
        return [
            Route("/audits/{id}/service", self.show),
            Route("/audits/{id}/service", self.change, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """The form."""
        draft = self._drafts.find(request.path_params["id"])
        if draft is None or draft.kind != SERVICE:
            return self._shell.missing(request)
        return self._page(request, draft, {})

    def _page(
        self, request: Request, draft: Draft, fields: dict[str, str], problem: AuditError | None = None
    ) -> Response:
        kept = {"originals": draft.originals, **dict(draft.arms), "artist": draft.artist, "service": draft.service}
        return self._shell.page(
            request,
            "service",
            status=400 if problem else 200,
            problem=problem.said if problem else None,
            draft=draft,
            # What was typed stays where it was refused.
            given={name: printable(fields.get(name, kept.get(name, "")), limit=4000) for name in FIELDS},
        )

    async def change(self, request: Request) -> Response:
        """Begin it."""
        return await self._shell.changed(request, self._drafts, kind=SERVICE, change=self._changed, again=self._again)

    async def _again(self, request: Request, draft: Draft, fields: dict[str, str], error: AuditError) -> Response:
        return self._page(request, draft, fields, error)

    def _changed(self, draft: Draft, fields: dict[str, str]) -> Response:
        known = self._jobs.of(draft.id, "run")
        if known is not None and self._jobs.state(known) in ("waiting", "running"):
            return led(f"/audits/{draft.id}")
        named = {name: printable(fields.get(name, "").strip(), limit=MOST_NAME) for name in ("artist", "service")}
        folders = {name: self._folder(fields.get(name, "")) for name in ("originals", *SERVICE_FOLDERS)}
        if not folders["originals"] or not folders["generated"]:
            raise BadInput("ui-service-folders")
        given = [(name, folders[name]) for name in SERVICE_FOLDERS if folders[name]]
        draft = self._drafts.change(draft, originals=folders["originals"], arms=tuple(given), **named)
        spec, asked = self._drafts.spec(draft, preset=SCORE)
        out = free_folder(self._jobs, self._reports, f"{draft.artist or 'artist'} score")
        words = ["score", "--spec", str(spec), "--out", str(out), "--json"]
        name = draft.artist or draft.service
        self._jobs.add(
            words, lane=AUDITS, draft=draft.id, kind="run", preset=SCORE, out=str(out), artist=name, asked=asked
        )
        return led(f"/audits/{draft.id}")

    def _folder(self, text: str) -> str:
        """A folder that was typed, open from now on; "" for none."""
        if not text.strip():
            return ""
        path = typed_path(text)
        try:
            if path.is_absolute() and path.is_dir():
                return str(self._opened.open(path).path)
        except (OSError, ValueError):
            pass
        raise BadInput("ui-folder-typed")
