"""Base models: which are here; the download of one by `cloakcheck models get`, when a person presses for it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from audit.base.errors import AuditError, BadInput
from audit.base.messages import Said
from audit.ui.drafts import Drafts
from audit.ui.heard import Heard, hear
from audit.ui.jobs import FETCHES, Job, Jobs, State
from audit.ui.shell import Shell, led

GET = "get"
"""Kind of such a job; the name of the model stands for its preset."""


@dataclass(frozen=True)
class KnownModel:
    """A model that is known by name.

    Attributes:
        bytes: of its download, None where there is none; licence_url: where its licence stands.
        here: whether it lies on this machine; state: of its download, None where none was asked for.
        came: bytes of it that lie here already; repo, host: where it comes from.
    """

    name: str
    title: str
    bytes: int | None
    licence: str
    licence_url: str
    here: bool
    state: State | None
    came: int = 0
    repo: str = ""
    host: str = ""

    @property
    def under_way(self) -> bool:
        return self.state in ("waiting", "running")


def known_models(jobs: Jobs) -> list[KnownModel]:
    """All of them."""
    from audit.models.cards import cards

    return [_known(jobs, name) for name in cards()]


def fetches(jobs: Jobs) -> list[tuple[KnownModel, Job]]:
    """Downloads that have not come to their end."""
    if not (there := jobs.all(FETCHES)):
        return []
    from audit.models.cards import cards

    found = [(_known(jobs, job.preset), job) for job in there if job.preset in cards()]
    return [(model, job) for model, job in found if not model.here]


def _known(jobs: Jobs, name: str) -> KnownModel:
    from audit.models.cards import cards, present
    from audit.models.download import host

    card, job = cards()[name], jobs.of("", GET, preset=name)
    came, load = 0, card.download
    with suppress(OSError):
        came = _partial(name).stat().st_size if load is not None else 0
    return KnownModel(
        name=name,
        title=card.title,
        bytes=load.bytes if load else None,
        licence=card.licence,
        licence_url=card.licence_url,
        here=present(name) is not None,
        state=None if job is None else jobs.state(job),
        came=came,
        repo=load.repo if load else "",
        host=host(),
    )


def _partial(name: str) -> Path:
    from audit.models.cards import cards, models_folder
    from audit.models.download import partial_of

    load = cards()[name].download
    assert load is not None
    return partial_of(models_folder() / name / load.file)


class ModelPages:
    """One page for each model: what it is, how large, under which licence, and its download."""

    def __init__(self, shell: Shell, drafts: Drafts, jobs: Jobs) -> None:
        self._shell, self._drafts, self._jobs = shell, drafts, jobs

    def routes(self) -> Sequence[Route]:
        """Its addresses."""
        return [Route("/models/{name}", self.show), Route("/models/{name}", self.change, methods=["POST"])]

    async def show(self, request: Request) -> Response:
        """The page."""
        return await self._page(request)

    async def _page(self, request: Request, problem: Said | None = None) -> Response:
        model = await run_in_threadpool(self._model, request)
        if model is None:
            return self._shell.missing(request)
        await run_in_threadpool(self._jobs.tend)
        job = self._jobs.of("", GET, preset=model.name)
        draft = self._drafts.find(request.query_params.get("for", ""))
        return self._shell.page(
            request,
            "model",
            status=400 if problem else 200,
            problem=problem,
            model=model,
            heard=Heard() if job is None else hear(job.text("log")),
            cut_off=job is not None and self._jobs.cut_off(job),
            draft=draft,
        )

    def _model(self, request: Request) -> KnownModel | None:
        from audit.models.cards import cards

        name = request.path_params["name"]
        return _known(self._jobs, name) if name in cards() else None

    async def change(self, request: Request) -> Response:
        """Fetch it, pause that, go on, or delete what came so far."""
        fields = await self._shell.form(request)
        if fields is None:
            return self._shell.refused(request)
        model = await run_in_threadpool(self._model, request)
        if model is None:
            return self._shell.missing(request)
        try:
            await run_in_threadpool(self._changed, model, fields)
        except AuditError as error:
            return await self._page(request, error.said)
        asked = self._drafts.find(request.query_params.get("for", ""))
        return led(f"/models/{model.name}" + (f"?for={asked.id}" if asked else ""))

    def _changed(self, model: KnownModel, fields: dict[str, str]) -> None:
        from audit.models.download import known_card

        job = self._jobs.of("", GET, preset=model.name)
        match fields.get("action"):
            case "get" if not model.here and not model.under_way:
                known_card(model.name)
                if fields.get("accept") != "yes":
                    raise BadInput("ui-licence", address=model.licence_url)
                if job is not None:
                    self._jobs.drop(job)
                # The person has accepted on the page what the command would ask for.
                words = ["models", "get", model.name, "--accept-licence"]
                self._jobs.add(words, lane=FETCHES, draft="", kind=GET, preset=model.name, artist=model.title)
            case "pause" if job is not None and model.under_way:
                self._jobs.stop(job)
            case "go-on" if job is not None and model.state in ("stopped", "failed"):
                self._jobs.go_on(job)
            case "drop" if not model.under_way and not model.here:
                if job is not None:
                    self._jobs.drop(job)
                _partial(model.name).unlink(missing_ok=True)
