"""Answers with the files of the build, and with its page for the paths that the application knows.

FastAPI's `app.frontend` sends no Cache-Control and no compressed copies, and it answers a path of
the API that does not exist with the page.
"""

from mimetypes import guess_type
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import NotModifiedResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.settings import CoreSettings
from app.extensions.frontend.build import ENCODINGS, PAGE, Build

# The build gives these files a hash in their name.
HASHED = "assets/"
ONE_YEAR = "public, max-age=31536000, immutable"
# The page needs its scripts, its styles, and requests to the API and to Supabase; nothing else.
POLICY = (
    "default-src 'none'; script-src 'self' {scripts}; style-src 'self'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self' {supabase}; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Frontend:
    """Stands behind all routes; `otherwise` answers what is none of its paths."""

    def __init__(
        self, app: FastAPI, build: Build, settings: CoreSettings, otherwise: ASGIApp
    ) -> None:
        self._app, self._build, self._otherwise = app, build, otherwise
        # Also without any route: no path below it may be answered with a page.
        self._api = settings.api_prefix.strip("/").split("/")[0]
        self._taken: frozenset[str] | None = None
        self._policy = POLICY.format(
            scripts=" ".join(f"'{each}'" for each in build.scripts),
            supabase="{0.scheme}://{0.netloc}".format(urlsplit(settings.supabase_url)),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        answer: Response | None = None
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            answer = await run_in_threadpool(self._answer, scope)
        await (self._otherwise if answer is None else answer)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response | None:
        path, base = scope["path"].removeprefix(scope["root_path"]), self._build.base
        if path == base.removesuffix("/") and path:
            return RedirectResponse(base, 308)
        if not path.startswith(base) or self._is_taken(path):
            return None
        headers = Headers(scope=scope)
        name = path.removeprefix(base)
        if name in self._build.files:
            return self._file(name, headers)
        # A file that is gone must not become a page: a browser would run it as a script.
        if name.startswith(HASHED) or PurePosixPath(name).suffix:
            return None
        accept = headers.get("accept", "*/*")
        return self._file(PAGE, headers) if "text/html" in accept or "*/*" in accept else None

    def _is_taken(self, path: str) -> bool:
        """Whether the first part of a path belongs to routes of the backend."""
        if self._taken is None:
            paths = (route.path or "" for route in iter_route_contexts(self._app.routes))
            self._taken = frozenset({self._api, *(path.strip("/").split("/")[0] for path in paths)})
        first = path.strip("/").split("/")[0]
        return bool(first) and f"/{first}/" != self._build.base and first in self._taken

    def _file(self, name: str, headers: Headers) -> Response:
        file = self._build.files[name]
        encoding, sent = _smallest(file, headers.get("accept-encoding", ""))
        response = FileResponse(sent, media_type=_media_type(file))
        response.set_stat_headers(sent.stat())
        is_page = file.suffix == ".html"
        response.headers["Cache-Control"] = ONE_YEAR if name.startswith(HASHED) else "no-cache"
        response.headers["Vary"] = "Accept-Encoding"
        if encoding:
            response.headers["Content-Encoding"] = encoding
        if is_page:
            response.headers["Content-Security-Policy"] = self._policy
        if response.headers["ETag"] in headers.get("if-none-match", "").split(", "):
            unchanged = NotModifiedResponse(response.headers)
            if is_page:
                # A browser takes over the headers of this answer: without the policy, it would
                # block the page that it has kept by the policy for answers of the API.
                unchanged.headers["Content-Security-Policy"] = self._policy
            return unchanged
        return response


def _smallest(file: Path, accepted: str) -> tuple[str, Path]:
    """The smallest copy of a file that a client accepts, with its encoding."""
    names = {part.partition(";")[0].strip() for part in accepted.split(",") if "q=0" not in part}
    for encoding, ending in ENCODINGS.items():
        copy = file.with_name(f"{file.name}{ending}")
        if encoding in names and copy.is_file():
            return encoding, copy
    return "", file


def _media_type(file: Path) -> str | None:
    # Some systems have another type for scripts, which `nosniff` makes browsers refuse.
    return "text/javascript" if file.suffix in (".js", ".mjs") else guess_type(file.name)[0]
