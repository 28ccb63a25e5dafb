"""Folders: which hold the originals and the protected copies, what lies in them, whose they are."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from audit.base.errors import AuditError, BadInput
from audit.base.files import typed_path
from audit.base.messages import Said
from audit.base.text import printable
from audit.ui.drafts import EXAMPLE, OWN, SERVICE, Draft, Drafts
from audit.ui.jobs import Jobs
from audit.ui.opened import Opened, Place
from audit.ui.pairs import ask_for_pairs
from audit.ui.picker import counted, look, taken
from audit.ui.plans import ask_for_plans, first_step
from audit.ui.shell import Shell, led

ORIGINALS, ARM = "originals", "arm"
COMPARE = "compare"
"""What the start page calls an audit of one's own with several protections."""
MOST_ARMS = 12
MOST_NAME = 200


class FolderPages:
    """The first step of an audit."""

    def __init__(self, shell: Shell, drafts: Drafts, jobs: Jobs, opened: Opened) -> None:
        self._shell, self._drafts, self._jobs, self._opened = shell, drafts, jobs, opened

    def routes(self) -> list[Route]:
        """Its addresses."""
        return [
            Route("/audits", self.new, methods=["POST"]),
            Route("/audits/{id}/folders", self.show),
            Route("/audits/{id}/folders", self.change, methods=["POST"]),
        ]

    async def new(self, request: Request) -> Response:
        """Begin to ask for an audit."""
        fields = await self._shell.form(request)
        kind = "" if fields is None else fields.get("kind", "")
        if kind not in (OWN, COMPARE, EXAMPLE, SERVICE):
            return self._shell.refused(request)
        draft = self._drafts.new(OWN if kind == COMPARE else kind, compare=kind == COMPARE)
        if draft.kind == EXAMPLE:
            await run_in_threadpool(ask_for_plans, self._drafts, self._jobs, draft)
            return led(f"/audits/{draft.id}/plan")
        return led(first_step(draft))

    async def show(self, request: Request) -> Response:
        """The page, with the picker where a folder is being looked for."""
        draft = self._drafts.find(request.path_params["id"])
        if draft is None or draft.kind != OWN:
            return self._shell.missing(request)
        wanted = request.query_params.get("for", "")
        place = None
        if wanted in (ORIGINALS, ARM):
            root = request.query_params.get("root", "0")
            place = self._opened.at(root, request.query_params.get("at", ""))
            if place is None:
                return self._shell.missing(request)
        return await self._page(request, draft, wanted=wanted if place else "", place=place)

    async def change(self, request: Request) -> Response:
        """A form of it."""
        return await self._shell.changed(request, self._drafts, kind=OWN, change=self._changed, again=self._again)

    async def _again(self, request: Request, draft: Draft, fields: dict[str, str], error: AuditError) -> Response:
        wanted = fields.get("for", "") if fields.get("action") == "type" else ""
        place = self._opened.place(0, "") if wanted else None
        return await self._page(request, draft, wanted=wanted, place=place, problem=error.said, typed=fields)

    def _changed(self, draft: Draft, fields: dict[str, str]) -> Response:
        here = f"/audits/{draft.id}/folders"
        match fields.get("action"):
            case "take":
                self._take(draft, fields.get("for", ""), taken(self._opened, {**fields, "file": ""}))
            case "type":
                self._take(draft, fields.get("for", ""), self._typed(fields.get("path", "")))
            case None if gone := fields.get("drop"):
                # What else was typed stays, where it can.
                with suppress(BadInput):
                    draft = self._save(draft, fields)
                self._drafts.change(draft, arms=tuple(arm for arm in draft.arms if arm_key(draft, arm[1]) != gone))
            case "save" | "next" | "pick-originals" | "pick-arm" as action:
                draft = self._save(draft, fields)
                if action == "next":
                    return self._next(draft)
                if action != "save":
                    return led(f"{here}?for={action.removeprefix('pick-')}#picker")
        return led(here)

    def _typed(self, text: str) -> Path:
        path = typed_path(text)
        if not text.strip() or not path.is_absolute():
            raise BadInput("ui-folder-typed")
        from audit.collect.folders import list_pictures

        # In the words of the command line, where it is not there or holds no pictures.
        list_pictures(path, "given", [])
        return self._opened.open(path).path

    def _take(self, draft: Draft, wanted: str, path: Path) -> None:
        if wanted == ARM and str(path) in (folder for _, folder in draft.arms):
            raise BadInput("ui-folder-twice")
        if wanted == ORIGINALS:
            self._drafts.change(draft, originals=str(path))
        elif wanted == ARM and len(draft.arms) < MOST_ARMS:
            self._drafts.change(draft, arms=(*draft.arms, (_arm_name(draft, path), str(path))))

    def _save(self, draft: Draft, fields: dict[str, str]) -> Draft:
        """Names, the declaration and settings."""
        from audit.plan.arms import read_arms

        arms = tuple(
            (fields.get(f"name-{arm_key(draft, folder)}", name).strip(), folder) for name, folder in draft.arms
        )
        read_arms(dict_of(arms))
        given: dict[str, Any] = {
            "artist": printable(fields.get("artist", "").strip(), limit=MOST_NAME),
            "declare": fields.get("declare") == "yes",
        }
        if arms != draft.arms:
            given["arms"] = arms
        return self._drafts.change(draft, **given)

    def _next(self, draft: Draft) -> Response:
        if draft.compare and draft.originals and len(draft.arms) == 1:
            raise BadInput("ui-one-protection")
        if not draft.ready:
            raise BadInput("ui-folders-missing")
        if not draft.declare:
            raise BadInput("rights-refused.page")
        from audit.plan.early_refusals import refuse_early
        from audit.plan.spec import load_spec

        refuse_early(load_spec({"originals": Path(draft.originals), "protected": dict(draft.arms)}, None))
        ask_for_pairs(self._drafts, self._jobs, draft)
        return led(f"/audits/{draft.id}/pairs")

    async def _page(
        self,
        request: Request,
        draft: Draft,
        *,
        wanted: str,
        place: Place | None,
        problem: Said | None = None,
        typed: dict[str, str] | None = None,
    ) -> Response:
        originals = await run_in_threadpool(counted, self._opened, draft.originals, "originals")
        arms = [
            (name, arm_key(draft, folder), await run_in_threadpool(counted, self._opened, folder, "protected"))
            for name, folder in draft.arms
        ]
        looked = None if place is None else await run_in_threadpool(partial(look, self._opened, place, wanted=wanted))
        return self._shell.page(
            request,
            "folders",
            status=400 if problem else 200,
            problem=problem or (looked.problem if looked else None),
            draft=draft,
            originals=originals,
            arms=arms,
            looked=looked,
            most_arms=MOST_ARMS,
            typed=typed or {},
        )


def dict_of(arms: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Arm -> folder.

    Raises:
        BadInput: `arm-twice`.
    """
    names = [name for name, _ in arms]
    for name in names:
        if names.count(name) > 1:
            raise BadInput("arm-twice", name=name)
    return dict(arms)


def arm_key(draft: Draft, folder: str) -> str:
    """What forms know a set of copies by: its folder, so that a page of yesterday in another tab names no other set."""
    return hashlib.sha256(f"{draft.id} {folder}".encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _arm_name(draft: Draft, path: Path) -> str:
    """What a set of copies is called until somebody gives it another name."""
    taken = {name for name, _ in draft.arms}
    if not taken and not draft.compare:
        return "protected"
    plain = re.sub(r"[^a-z0-9._-]+", "-", path.name.lower()).strip("-._")[:28] or "protected"
    names = [plain, *(f"{plain}-{n}" for n in range(2, MOST_ARMS + 2))]
    return next(name for name in names if name not in taken)
