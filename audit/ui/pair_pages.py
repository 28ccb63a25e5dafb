"""The pairs, side by side: those that need somebody first; another partner, left out, or another caption, by hand."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from audit.base.errors import AuditError, BadInput
from audit.ui.captions import BY_HAND, captions_of, foreign, with_captions
from audit.ui.drafts import OWN, Draft, Drafts
from audit.ui.heard import Heard, hear
from audit.ui.jobs import Jobs
from audit.ui.opened import Opened
from audit.ui.pairs import (
    PER_PAGE,
    FoundPairs,
    ask_for_pairs,
    called,
    choose,
    copies_of,
    file_of,
    found_of,
    in_the_way,
    leave_copy,
    leave_out,
    look_spec,
    looked_of,
)
from audit.ui.plans import ask_for_plans
from audit.ui.shell import Shell, led
from audit.ui.thumbs import thumbnail


class PairPages:
    """The second step of an audit."""

    def __init__(self, shell: Shell, drafts: Drafts, jobs: Jobs, opened: Opened) -> None:
        self._shell, self._drafts, self._jobs, self._opened = shell, drafts, jobs, opened

    def routes(self) -> list[Route]:
        """Its addresses."""
        return [
            Route("/audits/{id}/pairs", self.show),
            Route("/audits/{id}/pairs", self.change, methods=["POST"]),
            Route("/audits/{id}/pictures/{which}/{number:int}.png", self.picture),
        ]

    async def show(self, request: Request) -> Response:
        """One page of the pairs."""
        draft = self._drafts.find(request.path_params["id"])
        if draft is None or draft.kind != OWN:
            return self._shell.missing(request)
        return await self._page(request, draft)

    async def _page(
        self, request: Request, draft: Draft, problem: AuditError | None = None, typed: dict[str, str] | None = None
    ) -> Response:
        if not draft.ready:
            return led(f"/audits/{draft.id}/folders")
        await run_in_threadpool(self._jobs.tend)
        state, heard, found = await run_in_threadpool(self._found, draft)
        captions = await run_in_threadpool(captions_of, draft, self._looked(draft)) if found else {}
        asked = request.query_params.get("page", "1")
        pages = max(1, -(-len(found.items) // PER_PAGE)) if found else 1
        page = min(max(int(asked), 1), pages) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1
        return self._shell.page(
            request,
            "pairs",
            status=400 if problem else 200,
            problem=problem.said if problem else None,
            draft=draft,
            state=state,
            heard=heard,
            found=found,
            items=found.items[(page - 1) * PER_PAGE : page * PER_PAGE] if found else (),
            captions=captions,
            changed=sum(one.source == BY_HAND for one in captions.values()),
            foreign=await run_in_threadpool(foreign, captions) if captions else None,
            called=called,
            typed=typed or {},
            number=page,
            pages=pages,
        )

    def _found(self, draft: Draft) -> tuple[str, Heard, FoundPairs | None]:
        """State of the latest look, what it told, and what it found; an earlier one's where it is not done."""
        job = self._jobs.of(draft.id, "pairs")
        if job is None:
            return "none", Heard(), None
        state, looked = self._jobs.state(job), looked_of(job)
        if state != "done" or not looked:
            return state if looked or state != "done" else "failed", hear(job.text("log")), None
        _, asked = look_spec(self._drafts, draft)
        return state, Heard(), found_of(draft, looked, mended=asked != job.asked)

    def _looked(self, draft: Draft) -> dict[str, Any]:
        """What the latest look found; {} without one."""
        job = self._jobs.of(draft.id, "pairs")
        return looked_of(job) if job is not None else {}

    async def change(self, request: Request) -> Response:
        """Mend, write captions, look again, or go on."""
        return await self._shell.changed(request, self._drafts, kind=OWN, change=self._changed, again=self._again)

    async def _again(self, request: Request, draft: Draft, fields: dict[str, str], error: AuditError) -> Response:
        return await self._page(request, draft, error, fields)

    def _changed(self, draft: Draft, fields: dict[str, str]) -> Response:
        here, page = f"/audits/{draft.id}/pairs", fields.get("page", "1")
        at_page = f"{here}?page={page if page.isascii() and page.isdigit() else 1}"
        looked = self._looked(draft)
        # They come with every button of their form: who goes on has not forgotten them.
        draft = with_captions(self._drafts, draft, looked, fields)
        match fields.get("action"):
            case "look":
                ask_for_pairs(self._drafts, self._jobs, draft, anew=True)
            case "undo":
                self._drafts.mend(draft, left_out=(), chosen=())
                ask_for_pairs(self._drafts, self._jobs, self._drafts.find(draft.id) or draft)
            case "next":
                if files := in_the_way(looked) if looked else []:
                    raise BadInput("ui-pairs-open", count=len(files), file=called(files[0]))
                ask_for_plans(self._drafts, self._jobs, draft)
                return led(f"/audits/{draft.id}/plan")
            case "choose" | "leave" | "leave-copy" as action if looked:
                self._drafts.mend(draft, **_mended(draft, looked, action, fields))
                return led(at_page)
            case "captions":
                return led(at_page)
        return led(here)

    async def picture(self, request: Request) -> Response:
        """A small picture of a file of the look."""
        draft = self._drafts.find(request.path_params["id"])
        job = None if draft is None else self._jobs.of(draft.id, "pairs")
        if draft is None or job is None:
            return self._shell.missing(request)
        path = file_of(draft, looked_of(job), request.path_params["which"], request.path_params["number"])
        # The folder may have become a link since, or may have been closed.
        if path is None or self._opened.holding(path.parent) is None:
            return self._shell.missing(request)
        data = await run_in_threadpool(thumbnail, path, kept=self._drafts.place(draft) / "thumbs")
        return self._shell.missing(request) if data is None else Response(data, media_type="image/png")


def _mended(draft: Draft, looked: dict[str, Any], action: str, fields: dict[str, str]) -> dict[str, Any]:
    """What changes of a draft.

    Raises:
        BadInput: `pairs-unknown`, a name that the look did not find.
    """
    arms = {arm["name"]: arm for arm in looked["arms"]}
    arm, work, copy = (fields.get(name, "") for name in ("arm", "work", "copy"))
    works = [*looked["works"], *(one["file"] for one in looked["unusable"])]
    files = [] if arm not in arms else [*arms[arm]["files"], *(one["file"] for one in arms[arm]["unusable"])]
    # What comes back from a page is a name as it is shown.
    work = next((file for file in works if work in (file, called(file))), work)
    if action == "leave":
        if work not in works:
            raise BadInput("pairs-unknown", file=work)
        return leave_out(draft, work=work, copies=copies_of(looked, work))
    copy = next((file for file in files if copy in (file, called(file))), copy)
    if copy not in files or (action == "choose" and work not in works):
        raise BadInput("pairs-unknown", file=copy)
    return (
        leave_copy(draft, arm=arm, copy=copy)
        if action == "leave-copy"
        else choose(draft, arm=arm, work=work, copy=copy)
    )
