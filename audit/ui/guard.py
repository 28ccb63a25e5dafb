"""Who is answered. Everything that asks goes through here before any page is looked up.

Another site in the same browser may send requests to this machine, under a name of its own (DNS rebinding) or across
sites; another user of the machine may, too. So the name asked for, the origin, and a cookie that came with a one-time
token must all be right. Where the user let the network in, a request there must name that address, and the cookie came
with a password.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audit.ui.far import HERE, FarDoor
from audit.ui.peer import foreign

ENTER = "/enter"
FORM_BYTES = 1 << 20
"""Most that a form may send."""
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Under it a report is a page of no origin, which reaches nothing else; its own policy still holds."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # `no-referrer` would take the origin out of posts, which is checked.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
Refusal = Callable[[Request], Response]


class BrowserSession:
    """What one start of the server knows its browser by.

    Attributes:
        port: that it listens on; key: the cookie's value; csrf: what every form carries.
        door: what opens it from the network; None where it is closed to it.
    """

    def __init__(self, port: int, door: FarDoor | None = None) -> None:
        self.port, self.door = port, door
        self.key = secrets.token_urlsafe(32)
        self.csrf = hmac.new(self.key.encode(), b"forms", hashlib.sha256).hexdigest()

    @property
    def cookie(self) -> str:
        """Its name; browsers share cookies between the ports of a machine."""
        return f"cloakcheck-{self.port}"

    def far(self, scope: Scope) -> bool:
        """Whether a request came to the address that others reach; the socket tells, not what it says of itself."""
        return self.door is not None and (scope.get("server") or ("",))[0] == self.door.address

    def hosts(self, scope: Scope) -> tuple[str, ...]:
        """Names by which the socket that a request came to may be asked for."""
        names = (self.door.name,) if self.door is not None and self.far(scope) else (HERE, "localhost")
        return tuple(f"{name}:{self.port}" for name in names)

    def knows(self, headers: Headers) -> bool:
        """Whether the cookie came along."""
        try:
            found = SimpleCookie("; ".join(headers.getlist("cookie"))).get(self.cookie)
        except CookieError:
            return False
        return found is not None and hmac.compare_digest(found.value.encode(), self.key.encode())

    def stray(self, scope: Scope) -> bool:
        """Whether a request is for another name, or comes from another site's page."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0] not in self.hosts(scope):
            return True
        reading = scope["method"] in ("GET", "HEAD")
        origins = headers.getlist("origin")
        if any(origin != f"http://{hosts[0]}" for origin in origins) or (not reading and len(origins) != 1):
            return True
        # The way in starts from a file or a terminal; nothing but the token is asked there.
        fetched = headers.get("sec-fetch-site", "none")
        return fetched not in ("same-origin", "none") and scope["path"] != ENTER

    def linked(self, scope: Scope) -> bool:
        """Whether a stray request is somebody's who followed a link or sent a form of another site, under our own name.

        Its answer is a page that the other site cannot read: it fills a window of its own.
        """
        headers = Headers(scope=scope)
        return (
            headers.getlist("host")[:1] in [[host] for host in self.hosts(scope)]
            and len(headers.getlist("host")) == 1
            and headers.get("sec-fetch-mode") == "navigate"
            and headers.get("sec-fetch-dest") == "document"
        )


class Guard:
    """The application behind it sees only what may be answered."""

    def __init__(self, app: ASGIApp, *, session: BrowserSession, refused: Refusal, linked: Refusal) -> None:
        self._app, self._session, self._refused, self._linked = app, session, refused, linked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                more = [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in given]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        answer = self._answer(scope)
        await (answer or self._app)(scope, receive, guarded)

    def _answer(self, scope: Scope) -> Response | None:
        """What is said in place of a page; None where the page may be shown."""
        if foreign(scope.get("client"), scope.get("server")):
            return PlainTextResponse("403\n", status_code=403)
        if self._session.stray(scope):
            linked = self._session.linked(scope)
            return self._linked(Request(scope)) if linked else PlainTextResponse("403\n", status_code=403)
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return PlainTextResponse("405\n", status_code=405)
        if scope["path"] == ENTER or self._session.knows(Headers(scope=scope)):
            return None
        return self._refused(Request(scope))


async def form_of(request: Request, session: BrowserSession) -> dict[str, str] | None:
    """The fields of a form that our own page sent; None where it is not one, or too large."""
    fields = await fields_of(request)
    given = "" if fields is None else fields.pop("csrf", "")
    return fields if hmac.compare_digest(given.encode("utf-8", "replace"), session.csrf.encode()) else None


async def fields_of(request: Request) -> dict[str, str] | None:
    """The fields of any form; None where it is not one, or too large.

    Names that are no text keep their bytes, as the system's own names do.
    """
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > FORM_BYTES:
            return None
    try:
        found = parse_qs(data.decode("ascii"), keep_blank_values=True, errors="surrogateescape", max_num_fields=2000)
    except ValueError:
        return None
    return {name: values[-1] for name, values in found.items()}
