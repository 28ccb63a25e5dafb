"""The queue as a whole: its order, a pause, and what is tried again."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from audit.ui.jobs import AUDITS, FETCHES, Jobs
from audit.ui.shell import Shell, led


class QueuePages:
    """What the start page does with audits that are under way."""

    def __init__(self, shell: Shell, jobs: Jobs) -> None:
        self._shell, self._jobs = shell, jobs

    def routes(self) -> list[Route]:
        """Its address."""
        return [Route("/queue", self.change, methods=["POST"])]

    async def change(self, request: Request) -> Response:
        """A form of the queue; what has changed since the page was made is left as it is."""
        fields = await self._shell.form(request)
        if fields is None:
            return self._shell.refused(request)
        await run_in_threadpool(self._changed, fields.get("action", ""), fields.get("job", ""))
        return led("/#queue")

    def _changed(self, action: str, id: str) -> None:
        if action in ("pause", "unpause"):
            self._jobs.pause(action == "pause")
        job = self._jobs.find(id)
        if job is None or job.lane not in (AUDITS, FETCHES):
            return
        state = self._jobs.state(job)
        match action:
            case "earlier" | "later":
                self._jobs.move(job, by=-1 if action == "earlier" else 1)
            case "go-on" if state in ("stopped", "failed"):
                self._jobs.go_on(job)
            case "stop" if state in ("waiting", "running"):
                self._jobs.stop(job)
