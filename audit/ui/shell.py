"""What every page shares: its frame and language, and the form that came with its own token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from audit.base.errors import AuditError
from audit.base.messages import Said
from audit.report.assets import templates_folder
from audit.report.locale import SOURCE, ReportLocale, languages, report_locale
from audit.report.shell import environment, policy
from audit.ui.door import Door, read_json
from audit.ui.drafts import Draft, Drafts
from audit.ui.guard import ENTER, BrowserSession, form_of
from audit.ui.wording import coded, on_page

SETTINGS = "settings.json"
LINKED = "linked"
"""A page for who comes from another site: it holds nothing of the user's."""
NAMES = {"en": "English", "de": "Deutsch"}

Change = Callable[[Draft, dict[str, str]], Response]
Again = Callable[[Request, Draft, dict[str, str], AuditError], Awaitable[Response]]


class Shell:
    """The frame of one server's pages."""

    def __init__(self, *, door: Door, session: BrowserSession) -> None:
        self.door, self.session = door, session

    async def form(self, request: Request) -> dict[str, str] | None:
        """The fields of a form of ours; None where it is not one."""
        return await form_of(request, self.session)

    async def changed(self, request: Request, drafts: Drafts, *, kind: str, change: Change, again: Again) -> Response:
        """Carry out a form about an audit; where it asks for what cannot be, its page again with the reason.

        Args:
            kind: of audits that have this page, "" for all.
            change: carries it out, in a thread; again: the page with a reason.
        """
        fields = await self.form(request)
        draft = drafts.find(request.path_params["id"])
        if fields is None:
            return self.refused(request)
        if draft is None or kind not in ("", draft.kind):
            return self.missing(request)
        try:
            return await run_in_threadpool(change, draft, fields)
        except AuditError as error:
            return await again(request, drafts.find(draft.id) or draft, fields, error)

    def refused(self, request: Request, problem: Said | None = None) -> Response:
        """Who asks is not let in; from the network the page asks for the password."""
        far = self.session.far(request.scope) and not self.session.knows(request.headers)
        return self.page(request, "login" if far else "refused", status=403, problem=problem)

    def linked(self, request: Request) -> Response:
        """Another site's page led here; whoever follows this page's own link has come of his own will."""
        return self.page(request, LINKED, status=403)

    def missing(self, request: Request) -> Response:
        """There is no such page."""
        return self.page(request, "missing", status=404)

    def page(
        self, request: Request, template: str, /, *, status: int = 200, problem: Said | None = None, **shown: Any
    ) -> Response:
        """A page by its template; `problem` stands above it.

        Args:
            shown: what the template names; `typed` are the fields of a form that was refused, which stay as they are.
        """
        locale = self.locale(request)
        known = self.session.knows(request.headers) and template != LINKED
        # Who is not let in gets no other file, so the page brings its style along.
        style = Markup("" if known else style_sheet())
        far = self.session.far(request.scope)
        strict = f"{policy(style, '')}; frame-ancestors 'none'"
        if far:
            strict = strict.replace("form-action 'none'", "form-action 'self'")  # it asks for the password
        headers = {} if known else {"content-security-policy": strict}
        text = (
            environment(templates_folder(), locale)
            .get_template(f"ui/{template}.html.j2")
            .render(
                csrf=self.session.csrf if known else "",
                style=style,
                known=known,
                far=far,
                languages=[(code, NAMES.get(code, code)) for code in languages()],
                spoken=lambda said: locale.spoken(None if said is None else on_page(said)),
                coded=coded,
                duration=locale.duration,
                problem=problem,
                here="/" if request.url.path == ENTER else request.url.path,
                **{"typed": {}, **shown},
            )
        )
        return HTMLResponse(text, status_code=status, headers=headers)

    def locale(self, request: Request) -> ReportLocale:
        """The language that was chosen, else the first that the browser asks for."""
        known = languages()
        chosen = read_json(self.door.folder / SETTINGS).get("language")
        if chosen in known:
            return report_locale(chosen)
        given = request.headers.get("accept-language", "")[:1000].lower()
        asked = [part.partition(";")[0].strip().partition("-")[0] for part in given.split(",")]
        return report_locale(next((code for code in asked if code in known), SOURCE))


def led(address: str) -> Response:
    """To another page after a form, so that going back sends nothing again."""
    return RedirectResponse(address, status_code=303)


def style_sheet() -> str:
    """The report's style and the page's own."""
    return "\n".join((templates_folder() / name).read_text(encoding="utf-8") for name in ("report.css", "ui/ui.css"))
