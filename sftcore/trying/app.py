"""The web application behind the page: two questions it answers, and many that it refuses.

It serves one person on this computer. A page of another site, open in the same browser, can send requests here, and
can make a name of its own lead here (DNS rebinding); so the Host has to be this computer's, and a request has to come
from this page and as JSON, which no form and no simple request of another site can send.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from sftcore.errors import SftcoreError
from sftcore.trying.fields import row_of
from sftcore.trying.occlusion import Occlusion

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sftcore.records import Prediction
    from sftcore.trying.answering import Trial

Item = TypeVar("Item")
HOSTS = ("127.0.0.1", "localhost")
LARGEST_BODY = 1 << 20
"""Bytes of a request at most."""
BATCH = 16
"""Rows that are predicted in one go for the words that mattered; between them it is looked whether anybody waits."""
HEADERS = {
    b"cache-control": b"no-store",
    b"content-security-policy": b"frame-ancestors 'none'",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
}
"""Besides the page's own policy, which says what it may load."""


def application(trial: Trial, warn: Callable[[str], None] = lambda text: None) -> Starlette:
    """The application for a model. `warn` is told the kind of an error that is a bug, never a text."""
    asked = _Asked(trial, warn)
    return Starlette(
        routes=[
            Route("/", asked.page),
            Route("/answer", asked.answer, methods=["POST"]),
            Route("/words", asked.mattered, methods=["POST"]),
        ],
        middleware=[
            Middleware(_Headers),
            Middleware(TrustedHostMiddleware, allowed_hosts=list(HOSTS), www_redirect=False),
        ],
        exception_handlers={HTTPException: _refused},
    )


class _Asked:
    """The page and the two questions."""

    def __init__(self, trial: Trial, warn: Callable[[str], None]) -> None:
        self._trial, self._warn = trial, warn
        self._html = trial.page()

    async def page(self, request: Request) -> Response:
        """The page."""
        return HTMLResponse(self._html)

    async def answer(self, request: Request) -> Response:
        """What the model says of a row."""
        values = await _row(request)
        return await self._told(lambda: run_in_threadpool(self._answer, values))

    async def mattered(self, request: Request) -> Response:
        """The words that mattered in a row."""
        if not self._trial.explains:
            raise HTTPException(404, "this task has no score to watch")
        values = await _row(request)
        return await self._told(lambda: self._mattered(request, values))

    def _answer(self, values: Any) -> str:
        return self._trial.answer(row_of(self._trial.model.task, values))

    async def _mattered(self, request: Request, values: Any) -> str:
        task = self._trial.model.task
        occlusion = Occlusion.of(task, row_of(task, values))
        found: list[Prediction] = []
        for batch in _batches(occlusion.variants, BATCH):
            if await request.is_disconnected():
                return ""
            found += await run_in_threadpool(self._trial.predict, batch)
        return self._trial.mattered(occlusion, found)

    async def _told(self, made: Callable[[], Awaitable[str]]) -> Response:
        """The answer; whatever the model does, the page says it in a sentence."""
        try:
            return HTMLResponse(await made())
        except SftcoreError as error:
            return HTMLResponse(self._trial.failure(error), 422)
        except Exception as error:
            self._warn(f"the model failed: {type(error).__name__}")
            return HTMLResponse(self._trial.failure(error), 500)


class _Headers:
    """Adds `HEADERS` to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS.items()]
            await send(message)

        await self._app(scope, receive, with_headers)


async def _refused(request: Request, error: Exception) -> Response:
    """A refusal in one sentence."""
    status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
    return PlainTextResponse(detail, status, getattr(error, "headers", None))


async def _row(request: Request) -> Any:
    """What stands under "row" in the request's JSON object. Raises HTTPException for what the page does not send."""
    _check_origin(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "the content type application/json was expected")
    try:
        body = json.loads(await _body(request))
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "the request is no JSON") from error
    if not isinstance(body, dict) or set(body) != {"row"}:
        raise HTTPException(400, 'an object with one key, "row", was expected')
    return body["row"]


def _check_origin(request: Request) -> None:
    """Browsers say which page a request comes from: only ours may ask. Other programs need not say it."""
    origin, own = request.headers.get("origin"), f"{request.url.scheme}://{request.headers.get('host', '')}"
    site = request.headers.get("sec-fetch-site", "same-origin")
    if origin not in (None, own) or site not in ("same-origin", "none"):
        raise HTTPException(403, "only the page of this server may ask it")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise HTTPException(413, f"more than {LARGEST_BODY >> 20} MiB")
    return bytes(body)


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[at : at + size] for at in range(0, len(items), size))
