"""An audit from its plan to its end: what it costs, the queue, how far it is, stop and go on."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from audit.base.errors import AuditError, BadInput
from audit.base.files import typed_path
from audit.base.messages import say
from audit.ui.drafts import EXAMPLE, PRESETS, SERVICE, Draft, Drafts
from audit.ui.first import first_picture, first_pictures
from audit.ui.heard import hear
from audit.ui.jobs import AUDITS, LOOKS, Jobs
from audit.ui.model_pages import known_models
from audit.ui.opened import Opened, Place
from audit.ui.past import RESULTS, run_id
from audit.ui.picker import look, taken
from audit.ui.plans import ask_for_plans, cards, first_step, free_folder, last_step, leave_plans, shown_name
from audit.ui.shell import Shell, led

LAB = "lab"
AT = "-path"
"""What follows the name of a field in which a path is typed."""
LOOKED_FOR: dict[str, dict[str, Any]] = {
    "model": {"pictures": False, "files": (".safetensors", ".sft"), "marked": "model_index.json"},
    "settings": {"pictures": False, "files": (".toml",)},
}
"""What the picker looks for on the page of the plan."""
MOST_SAID = 40


class AuditPages:
    """Plan and progress.

    Args:
        reports: where run folders are made.
    """

    def __init__(self, shell: Shell, drafts: Drafts, jobs: Jobs, opened: Opened, *, reports: Path) -> None:
        self._shell, self._drafts, self._jobs, self._reports = shell, drafts, jobs, reports
        self._opened = opened

    def routes(self) -> list[Route]:
        """Its addresses."""
        return [
            Route("/audits/{id}/plan", self.plan),
            Route("/audits/{id}/plan", self.planned, methods=["POST"]),
            Route("/audits/{id}", self.show),
            Route("/audits/{id}", self.change, methods=["POST"]),
            Route("/audits/{id}/made/{name}", self.made),
        ]

    # --- plan ----------------------------------------------------------------------------------------

    async def plan(self, request: Request) -> Response:
        """The three presets as cards; with the picker where a model or a settings file is being looked for."""
        draft = self._drafts.find(request.path_params["id"])
        wanted = request.query_params.get("for", "")
        if draft is None:
            return self._shell.missing(request)
        place = None
        if wanted in LOOKED_FOR:
            place = self._opened.at(request.query_params.get("root", "0"), request.query_params.get("at", ""))
            if place is None:
                return self._shell.missing(request)
        return await self._plan(request, draft, wanted=wanted, place=place)

    async def _plan(
        self,
        request: Request,
        draft: Draft,
        problem: AuditError | None = None,
        *,
        wanted: str = "",
        place: Place | None = None,
        typed: dict[str, str] | None = None,
    ) -> Response:
        if not draft.ready or draft.kind == SERVICE:
            return led(first_step(draft))
        await run_in_threadpool(self._jobs.tend)
        try:
            shown = await run_in_threadpool(cards, self._drafts, self._jobs, draft)
        except AuditError as error:
            shown, problem = [], problem or error
        looked = None
        if place is not None:
            looked = await run_in_threadpool(partial(look, self._opened, place, wanted=wanted, **LOOKED_FOR[wanted]))
        return self._shell.page(
            request,
            "plan",
            status=400 if problem else 200,
            problem=problem.said if problem else None,
            draft=draft,
            name=shown_name(draft),
            cards=shown,
            working=any(card.state in ("waiting", "running") for card in shown),
            models=await run_in_threadpool(known_models, self._jobs),
            looked=looked,
            named=self._opened.named,
            typed=typed or {},
        )

    async def planned(self, request: Request) -> Response:
        """A form of that page."""
        return await self._shell.changed(request, self._drafts, kind="", change=self._planned, again=self._again)

    async def _again(self, request: Request, draft: Draft, fields: dict[str, str], error: AuditError) -> Response:
        wanted = fields.get("for", "") if fields.get("for", "") in LOOKED_FOR else ""
        place = self._opened.place(0, "") if wanted else None
        return await self._plan(request, draft, error, wanted=wanted if place else "", place=place, typed=fields)

    def _planned(self, draft: Draft, fields: dict[str, str]) -> Response:
        if fields.get("action") == "discard":
            for look in [look for look in self._jobs.all(LOOKS) if look.draft == draft.id]:
                (self._jobs.stop if self._jobs.state(look) == "running" else self._jobs.drop)(look)
            self._drafts.drop(draft)
            return led("/")
        if not draft.ready or draft.kind == SERVICE:
            return led(first_step(draft))
        match fields.get("action"):
            case "settings":
                ask_for_plans(self._drafts, self._jobs, self._set(draft, fields))
            case "take" | "type" as action if fields.get("for") in LOOKED_FOR:
                # What was typed is opened once it is known to be a model or a settings file.
                found = taken(self._opened, fields) if action == "take" else typed_path(fields.get("path", ""))
                draft = self._set(draft, {**_set_already(draft), f"{fields['for']}{AT}": str(found)})
                if action == "type":
                    self._opened.open(found if found.is_dir() else found.parent)
                ask_for_plans(self._drafts, self._jobs, draft)
            case "again" if fields.get("preset") in PRESETS:
                ask_for_plans(self._drafts, self._jobs, draft, (fields["preset"],))
            case "begin" if fields.get("preset") in PRESETS:
                self._begin(draft, fields["preset"])
                return led(f"/audits/{draft.id}")
        return led(f"/audits/{draft.id}/plan")

    def _set(self, draft: Draft, fields: dict[str, str]) -> Draft:
        """Base model and further options."""
        from audit.models.cards import cards
        from audit.models.layout import resolve

        model = fields.get(f"model{AT}", "").strip() or fields.get("model", "").strip()
        if model and model not in cards() and model != LAB:
            model = str(typed_path(model))
        if model:
            resolve(model)
        settings = fields.get(f"settings{AT}", "").strip() or fields.get("settings", "").strip()
        runs = fields.get("replicates", "").strip()
        if settings and not (path := typed_path(settings)).is_file():
            raise BadInput("spec-unreadable", file=path.name, why=say("not-read.absent"))
        if runs and not (runs.isascii() and runs.isdigit() and 1 <= int(runs) <= 1000):
            raise BadInput("spec-invalid", option="replicates", why=runs)
        return self._drafts.change(
            draft,
            model=model,
            settings=str(typed_path(settings)) if settings else "",
            replicates=int(runs) if runs else None,
        )

    def _begin(self, draft: Draft, preset: str) -> None:
        """Put it into the queue, unless it is there."""
        if draft.kind != EXAMPLE and not draft.declare:
            raise BadInput("rights-refused.page")
        known = self._jobs.of(draft.id, "run")
        if known is not None and self._jobs.state(known) in ("waiting", "running"):
            return
        leave_plans(self._jobs, draft.id)
        spec, asked = self._drafts.spec(draft, preset=preset)
        out = free_folder(self._jobs, self._reports, "example" if draft.kind == EXAMPLE else draft.artist)
        words = ["run", "--spec", str(spec), "--out", str(out), "--json"]
        name = shown_name(draft)
        self._jobs.add(
            words, lane=AUDITS, draft=draft.id, kind="run", preset=preset, out=str(out), artist=name, asked=asked
        )

    # --- progress ------------------------------------------------------------------------------------

    async def show(self, request: Request) -> Response:
        """How far it is; what can be done about it."""
        draft = self._drafts.find(request.path_params["id"])
        if draft is None:
            return self._shell.missing(request)
        await run_in_threadpool(self._jobs.tend)
        job = self._jobs.of(draft.id, "run")
        if job is None:
            return led(last_step(draft))
        state = self._jobs.state(job)
        waiting = [j for j in self._jobs.all(AUDITS) if self._jobs.state(j) in ("waiting", "running")]
        heard = hear(job.text("log"))
        return self._shell.page(
            request,
            "progress",
            draft=draft,
            name=shown_name(draft),
            job=job,
            state=state,
            paused=self._jobs.paused,
            cut_off=self._jobs.cut_off(job),
            before=next((i for i, other in enumerate(waiting) if other.id == job.id), 0),
            heard=heard,
            pictures=await run_in_threadpool(first_pictures, Path(job.out)) if state != "done" else [],
            remarks=heard.said[-MOST_SAID:],
            page=(Path(job.out) / "report.html").is_file(),
            result=run_id(Path(job.out)) if any((Path(job.out) / n).is_file() for n in RESULTS[:2]) else "",
        )

    async def made(self, request: Request) -> Response:
        """A picture that it has made so far."""
        draft = self._drafts.find(request.path_params["id"])
        job = None if draft is None else self._jobs.of(draft.id, "run")
        if job is None or not job.out:
            return self._shell.missing(request)
        data = await run_in_threadpool(first_picture, Path(job.out), request.path_params["name"])
        return self._shell.missing(request) if data is None else Response(data, media_type="image/png")

    async def change(self, request: Request) -> Response:
        """Stop, go on, be the next, or leave the queue."""
        fields = await self._shell.form(request)
        draft = self._drafts.find(request.path_params["id"])
        if fields is None:
            return self._shell.refused(request)
        job = None if draft is None else self._jobs.of(draft.id, "run")
        if draft is None or job is None:
            return self._shell.missing(request)
        state = self._jobs.state(job)
        match fields.get("action"):
            case "stop" if state in ("running", "waiting"):
                self._jobs.stop(job)
            case "go-on" if state in ("stopped", "failed"):
                await run_in_threadpool(self._jobs.go_on, job)
            case "first" if state == "waiting":
                self._jobs.first(job)
            case "drop" if state in ("stopped", "failed", "waiting"):
                self._jobs.drop(job)
                return led(last_step(draft))
        return led(f"/audits/{draft.id}")


def _set_already(draft: Draft) -> dict[str, str]:
    """The fields of the form as they are kept."""
    return {"model": draft.model, "settings": draft.settings, "replicates": str(draft.replicates or "")}
