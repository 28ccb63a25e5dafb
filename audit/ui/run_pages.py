"""A finished audit: its report and other editions, tables, bundle, repetition, deleting it; two of them compared."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from audit.base.files import read_bounded
from audit.base.messages import Said, say
from audit.ui.again import again_of, asked_with, begin_again
from audit.ui.drafts import Drafts
from audit.ui.guard import REPORT_POLICY
from audit.ui.jobs import AUDITS, Jobs
from audit.ui.made import bundle, command, comparison, court_edition, tables
from audit.ui.past import PastAudit, PastAudits
from audit.ui.shell import Shell, led

MOST_REPORT = 256 << 20


class RunPages:
    """Pages of run folders that the start page lists.

    Args:
        reports: where the run folder of a repetition is made.
    """

    def __init__(self, shell: Shell, past: PastAudits, drafts: Drafts, jobs: Jobs, *, reports: Path) -> None:
        self._shell, self._past, self._drafts, self._jobs = shell, past, drafts, jobs
        self._reports = reports

    def routes(self) -> list[Route]:
        """Its addresses."""
        return [
            Route("/compare", self.compare),
            Route("/runs/{id}", self.show),
            Route("/runs/{id}", self.change, methods=["POST"]),
            Route("/runs/{id}/report.html", self.report),
        ]

    async def show(self, request: Request) -> Response:
        """Its answer, and what can be had of it."""
        found = await run_in_threadpool(self._past.one, request.path_params["id"])
        if found is None:
            return self._shell.missing(request)
        await run_in_threadpool(self._jobs.tend)
        return self._page(request, found)

    def _page(self, request: Request, found: PastAudit, problem: Said | None = None) -> Response:
        return self._shell.page(
            request,
            "run",
            status=400 if problem else 200,
            problem=problem,
            row=found,
            again=again_of(self._drafts, self._jobs, found.folder),
            repeatable=asked_with(self._drafts, self._jobs, found.folder) is not None,
        )

    def report(self, request: Request) -> Response:
        """The report itself, as a page of no origin."""
        found = self._past.one(request.path_params["id"])
        if found is None or not found.report:
            return self._shell.missing(request)
        try:
            page = read_bounded(found.folder / "report.html", limit=MOST_REPORT)
        except OSError:
            return self._shell.missing(request)
        return HTMLResponse(page, headers={"content-security-policy": REPORT_POLICY})

    async def change(self, request: Request) -> Response:
        """Tables, a bundle, another edition, a repetition, or deleting it."""
        fields = await self._shell.form(request)
        if fields is None:
            return self._shell.refused(request)
        found = await run_in_threadpool(self._past.one, request.path_params["id"])
        if found is None:
            return self._shell.missing(request)
        action, folder, lang = fields.get("action"), found.folder, self._shell.locale(request).code
        match action:
            case "tables":
                made = await run_in_threadpool(tables, folder)
            case "bundle":
                made = await run_in_threadpool(bundle, folder)
            case "court" | "pdf":
                made = await run_in_threadpool(partial(court_edition, folder, lang=lang, pdf=action == "pdf"))
            case "again":
                begin = partial(begin_again, self._drafts, self._jobs, folder, reports=self._reports)
                problem = await run_in_threadpool(begin)
                return self._page(request, found, problem) if problem else led(f"/runs/{found.id}")
            case "delete" | "delete-artist" if fields.get("sure") == "yes":
                return await self._delete(request, found, "--run" if action == "delete" else "--artist-of")
            case _:
                return self._page(request, found, say("ui-not-sure"))
        if made.problem is not None:
            return self._page(request, found, made.problem)
        head = f"attachment; filename*=UTF-8''{quote(made.name.encode('utf-8', 'replace'))}"
        return Response(made.data, media_type=made.media_type, headers={"content-disposition": head})

    async def _delete(self, request: Request, found: PastAudit, option: str) -> Response:
        problem = await run_in_threadpool(command, ["forget", option, str(found.folder.absolute()), "--yes"])
        if problem is not None:
            return self._page(request, found, problem)
        await run_in_threadpool(self._forget)
        return led("/")

    async def compare(self, request: Request) -> Response:
        """In what two of them differ, as a page of no origin."""
        asked = [request.query_params.get(name, "") for name in ("first", "second")]
        found = [await run_in_threadpool(self._past.one, id) for id in asked]
        first, second = found
        if first is None or second is None:
            return self._shell.missing(request)
        lang = self._shell.locale(request).code
        made = await run_in_threadpool(partial(comparison, first.folder, second.folder, lang=lang))
        if made.problem is not None:
            return self._shell.page(request, "compare", status=400, problem=made.problem)
        return HTMLResponse(made.data, headers={"content-security-policy": REPORT_POLICY})

    def _forget(self) -> None:
        """What the page itself kept of audits whose folders are gone."""
        ended = [job for job in self._jobs.all(AUDITS) if self._jobs.state(job) == "done"]
        for job in [job for job in ended if not (Path(job.out) / "plan.json").exists()]:
            draft = self._drafts.find(job.draft)
            self._jobs.drop(job)
            if draft is not None and self._jobs.of(draft.id, "run") is None:
                for left in [other for other in self._jobs.all() if other.draft == draft.id]:
                    self._jobs.drop(left)
                self._drafts.drop(draft)
