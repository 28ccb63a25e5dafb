"""Addresses -> pages. The words stand in templates/ui/, in the report's languages."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from audit.base.messages import say
from audit.report.assets import templates_folder
from audit.report.locale import languages
from audit.ui.audit_pages import AuditPages
from audit.ui.door import Door, write_json
from audit.ui.drafts import Drafts
from audit.ui.folder_pages import FolderPages
from audit.ui.guard import ENTER, BrowserSession, Guard, fields_of
from audit.ui.jobs import AUDITS, Jobs
from audit.ui.model_pages import ModelPages, fetches
from audit.ui.opened import Opened
from audit.ui.pair_pages import PairPages
from audit.ui.past import PastAudits, run_id
from audit.ui.plans import last_step, shown_name
from audit.ui.queue_pages import QueuePages
from audit.ui.run_pages import RunPages
from audit.ui.service_pages import ServicePages
from audit.ui.shell import SETTINGS, Shell, led, style_sheet


class Pages:
    """The pages of one server.

    Args:
        reports: folder whose run folders are listed, and in which new ones are made.
        door: whose folder also keeps the settings, the audits as they were asked for, and the queue.
    """

    def __init__(self, *, reports: Path, door: Door, session: BrowserSession) -> None:
        self._shell, self._door = Shell(door=door, session=session), door
        self._past = PastAudits(reports, door.folder / "past.json")
        self._opener = reports / OPENER
        self._drafts = Drafts(door)
        self.jobs = Jobs(door, cwd=reports.absolute().parent)
        opened = Opened(door)
        self._parts = (
            FolderPages(self._shell, self._drafts, self.jobs, opened),
            PairPages(self._shell, self._drafts, self.jobs, opened),
            AuditPages(self._shell, self._drafts, self.jobs, opened, reports=reports),
            ModelPages(self._shell, self._drafts, self.jobs),
            ServicePages(self._shell, self._drafts, self.jobs, opened, reports=reports),
            QueuePages(self._shell, self.jobs),
            RunPages(self._shell, self._past, self._drafts, self.jobs, reports=reports),
        )

    def application(self) -> ASGIApp:
        """All addresses, behind the guard."""
        routes = [
            Route(ENTER, self.enter),
            Route(ENTER, self.login, methods=["POST"]),
            Route("/", self.start),
            Route("/language", self.language, methods=["POST"]),
            Route("/ui.css", self.style),
            Route("/ui.js", self.script),
            *(route for part in self._parts for route in part.routes()),
        ]
        return Guard(
            Starlette(routes=routes, exception_handlers={404: self.missing}),
            session=self._shell.session,
            refused=self._shell.refused,
            linked=self._shell.linked,
        )

    def enter(self, request: Request) -> Response:
        """The way in on this machine. Over the network its token would be read by others; there it opens nothing."""
        far = self._shell.session.far(request.scope)
        if far or not self._door.take(request.query_params.get("token", "")):
            return self._shell.refused(request)
        self._opener.unlink(missing_ok=True)
        return self._inside(request)

    async def login(self, request: Request) -> Response:
        """The way in from the network."""
        session = self._shell.session
        fields = await fields_of(request)
        if fields is None or session.door is None or not session.far(request.scope):
            return self._shell.refused(request)
        asker = request.client.host if request.client else ""
        given = fields.get("password", "")
        opens = await run_in_threadpool(partial(session.door.password.opens, given, asker=asker))
        if not opens:
            return self._shell.refused(request, say("ui-password-wait" if opens is None else "ui-password-wrong"))
        return self._inside(request)

    def _inside(self, request: Request) -> Response:
        # Not a redirect: the browser would count it to where it came from, and keep the cookie back.
        answer = self._shell.page(request, "enter")
        session = self._shell.session
        answer.set_cookie(session.cookie, session.key, httponly=True, samesite="strict", path="/")
        return answer

    def missing(self, request: Request, _: Exception) -> Response:
        """An address that leads nowhere."""
        return self._shell.missing(request)

    async def start(self, request: Request) -> Response:
        """What can be begun, what is under way, and what was."""
        rows = await run_in_threadpool(self._past.rows)
        await run_in_threadpool(self.jobs.tend)
        asked = request.query_params.get("q", "")[:200].strip()
        queue = [(job, self.jobs.state(job)) for job in self.jobs.all(AUDITS)]
        begun = {job.draft for job, _ in queue}
        # What is under way is listed above, not among the past ones.
        under_way = {run_id(Path(job.out)) for job, state in queue if state != "done"}
        rows = [row for row in rows if row.id not in under_way]
        shown = [row for row in rows if _fits(asked.casefold(), row.name, row.facts.artist if row.facts else "")]
        return self._shell.page(
            request,
            "start",
            rows=shown,
            all=len(rows),
            asked=asked,
            reading=any(r.reading for r in rows),
            queue=[(job, state, self.jobs.cut_off(job)) for job, state in queue if state != "done"],
            fetches=await run_in_threadpool(fetches, self.jobs),
            paused=self.jobs.paused,
            drafts=[
                (draft, shown_name(draft), last_step(draft)) for draft in self._drafts.all() if draft.id not in begun
            ],
        )

    async def language(self, request: Request) -> Response:
        """Another language, from now on; the page stays where it was."""
        fields = await self._shell.form(request)
        if fields is None:
            return self._shell.refused(request)
        if fields.get("code") in languages():
            write_json(self._door.folder / SETTINGS, {"language": fields["code"]})
        back = fields.get("back", "/")
        # Two slashes would lead to another host.
        return led(back if back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable() else "/")

    def style(self, _: Request) -> Response:
        return PlainTextResponse(style_sheet(), media_type="text/css")

    def script(self, _: Request) -> Response:
        return FileResponse(templates_folder() / "ui" / "ui.js", media_type="text/javascript")


OPENER = "open-cloakcheck.html"
"""A file that leads to the page; in the user's own folder, since a browser in a sandbox reads no hidden one."""


def _fits(asked: str, *names: str) -> bool:
    return any(asked in name.casefold() for name in names)
