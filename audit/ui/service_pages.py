"""Pictures of a closed service beside the artist's works: folders, names, and into the queue; nothing is trained."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from audit.base.errors import AuditError, BadInput
from audit.base.files import typed_path
from audit.base.text import printable
from audit.ui.drafts import SCORE, SERVICE, SERVICE_FOLDERS, Draft, Drafts
from audit.ui.jobs import AUDITS, Jobs
from audit.ui.opened import Opened, Place
from audit.ui.picker import CountedFolder, counted, look, taken
from audit.ui.plans import free_folder
from audit.ui.prompts import MOST_SHOWN, prompts_of, sheet_of, with_prompts
from audit.ui.shell import Shell, led

MOST_NAME = 200
FOLDERS = ("originals", *SERVICE_FOLDERS)
FIELDS = (*FOLDERS, "artist", "service", "clip-times")
PICK = "pick-"


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
        """The form, with the picker where a folder is being looked for."""
        draft = self._drafts.find(request.path_params["id"])
        if draft is None or draft.kind != SERVICE:
            return self._shell.missing(request)
        wanted, place = request.query_params.get("for", ""), None
        if wanted in FOLDERS:
            place = self._opened.at(request.query_params.get("root", "0"), request.query_params.get("at", ""))
            if place is None:
                return self._shell.missing(request)
        return await self._page(request, draft, {}, wanted=wanted, place=place)

    async def _page(
        self,
        request: Request,
        draft: Draft,
        fields: dict[str, str],
        problem: AuditError | None = None,
        *,
        wanted: str = "",
        place: Place | None = None,
    ) -> Response:
        from audit.images.clips import CLIP_ENDINGS

        kept = {"originals": draft.originals, **dict(draft.arms), "artist": draft.artist, "service": draft.service}
        kept["clip-times"] = draft.clip_times
        looked = None
        if place is not None:
            clips = () if wanted == "originals" else CLIP_ENDINGS
            ask = partial(look, self._opened, place, wanted=wanted, also=clips, files=clips)
            looked = await run_in_threadpool(ask)
        prompts = await run_in_threadpool(prompts_of, draft, self._opened)
        return self._shell.page(
            request,
            "service",
            status=400 if problem else 200,
            problem=problem.said if problem else (looked.problem if looked else None),
            draft=draft,
            # What was typed stays where it was refused.
            given={
                name: printable(fields.get(name, self._opened.named(kept.get(name, ""))), limit=4000) for name in FIELDS
            },
            counts={name: await run_in_threadpool(self._counted, kept.get(name, ""), name) for name in FOLDERS},
            prompts=prompts[:MOST_SHOWN],
            hidden=max(0, len(prompts) - MOST_SHOWN),
            written=sum(one.by_hand for one in prompts),
            clips=any(one.clip for one in prompts),
            looked=looked,
        )

    def _counted(self, folder: str, name: str) -> CountedFolder | None:
        """None where it is not open to the page yet: what is typed is opened when it is taken."""
        from audit.images.clips import CLIP_ENDINGS

        path = Path(folder)
        if not folder or not path.is_absolute() or self._opened.holding(path) is None:
            return None
        return counted(self._opened, folder, "given", also=() if name == "originals" else CLIP_ENDINGS)

    async def change(self, request: Request) -> Response:
        """Begin it, or name one of its folders."""
        return await self._shell.changed(request, self._drafts, kind=SERVICE, change=self._changed, again=self._again)

    async def _again(self, request: Request, draft: Draft, fields: dict[str, str], error: AuditError) -> Response:
        wanted = fields.get("for", "") if fields.get("for", "") in FOLDERS else ""
        place = self._opened.place(0, "") if wanted else None
        return await self._page(request, draft, fields, error, wanted=wanted if place else "", place=place)

    def _changed(self, draft: Draft, fields: dict[str, str]) -> Response:
        known = self._jobs.of(draft.id, "run")
        if known is not None and self._jobs.state(known) in ("waiting", "running"):
            return led(f"/audits/{draft.id}")
        here, action, wanted = f"/audits/{draft.id}/service", fields.get("action", ""), fields.get("for", "")
        if action in ("take", "type") and wanted in FOLDERS:
            whole = action == "take"
            path = str(taken(self._opened, fields)) if whole else self._folder(fields.get("path", ""), wanted)
            if not path:
                raise BadInput("ui-folder-typed")
            return self._placed(draft, {wanted: path})
        if action == "save" or action.startswith(PICK):
            draft = self._kept(draft, fields)
            name = action.removeprefix(PICK)
            return led(f"{here}?for={name}#picker" if name in FOLDERS else f"{here}#prompts")
        return self._begun(draft, fields)

    def _placed(self, draft: Draft, folders: dict[str, str]) -> Response:
        kept = {"originals": draft.originals, **dict(draft.arms), **folders}
        given = tuple((name, kept[name]) for name in SERVICE_FOLDERS if kept.get(name))
        self._drafts.change(draft, originals=kept["originals"], arms=given)
        return led(f"/audits/{draft.id}/service")

    def _kept(self, draft: Draft, fields: dict[str, str]) -> Draft:
        """The draft with all that stands in the form; nothing but a whole folder is refused."""
        named = {name: printable(fields.get(name, "").strip(), limit=MOST_NAME) for name in ("artist", "service")}
        folders = {name: self._folder(fields.get(name, ""), name) for name in FOLDERS}
        given = tuple((name, folders[name]) for name in SERVICE_FOLDERS if folders[name])
        prompts = with_prompts(draft, prompts_of(draft, self._opened), fields)
        times = printable(fields.get("clip-times", "").strip(), limit=MOST_NAME)
        return self._drafts.change(
            draft, originals=folders["originals"], arms=given, prompts=prompts, clip_times=times, **named
        )

    def _begun(self, draft: Draft, fields: dict[str, str]) -> Response:
        draft = self._kept(draft, fields)
        if not draft.originals or "generated" not in dict(draft.arms):
            raise BadInput("ui-service-folders")
        sheet = sheet_of(self._drafts, draft, prompts_of(draft, self._opened))
        draft = self._drafts.mend(draft, sheet=sheet)
        spec, asked = self._drafts.spec(draft, preset=SCORE)
        out = free_folder(self._jobs, self._reports, f"{draft.artist or 'artist'} score")
        words = ["score", "--spec", str(spec), "--out", str(out), "--json"]
        name = draft.artist or draft.service
        self._jobs.add(
            words, lane=AUDITS, draft=draft.id, kind="run", preset=SCORE, out=str(out), artist=name, asked=asked
        )
        return led(f"/audits/{draft.id}")

    def _folder(self, text: str, name: str) -> str:
        """A folder, or a clip in its place, that was typed; open from now on. "" for none."""
        from audit.images.clips import CLIP_ENDINGS

        if not text.strip():
            return ""
        path = typed_path(text)
        try:
            if path.is_absolute() and path.is_dir():
                return str(self._opened.open(path).path)
            if name != "originals" and path.is_absolute() and path.suffix.lower() in CLIP_ENDINGS and path.is_file():
                return str(self._opened.open(path.parent).path / path.name)
        except (OSError, ValueError):
            pass
        raise BadInput("ui-folder-typed")
