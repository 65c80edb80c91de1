"""The server of the page: takes records of the other processes and shows them."""

import asyncio
import hmac
import logging
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    Response,
    StreamingResponse,  # noqa: TID251 - it cannot fail at its start
)
from starlette.routing import Route

from devstack.devpage import schedules, stored_files
from devstack.devpage.live import Live
from devstack.devpage.recorder.sender import LACKS_FACTS
from devstack.devpage.store import Store
from devstack.ports import HOST, port_of

FILES = Path(__file__).with_name("page")
SLOW_MS = 500.0
# The page runs and loads only its own files, and asks only its own server.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
# A page of another site cannot send it without asking first, which this server does not answer.
OWN_HEADER = "x-devpage"


class DevPage:
    """The development page on a port of 127.0.0.1.

    Args:
        listening: open socket.
        key: what processes must send with their records.
        api_url: URL of the API, for curl.
        slow: milliseconds from which a request is slow.
    """

    def __init__(
        self,
        listening: socket.socket,
        *,
        key: str,
        api_url: str = "",
        slow: float = SLOW_MS,
    ) -> None:
        self._socket = listening
        self.url = f"http://{HOST}:{port_of(listening)}"
        self.key, self.api_url = key, api_url
        self.live = Live()
        self.store = Store(self.live.tell, self._warn, slow)

    def serve(self) -> None:
        """Serve until a signal arrives."""
        self._create().run(sockets=[self._socket])

    def _warn(self, sentence: str, path: str) -> None:
        # Nobody may write a second line, or move the cursor, by a path that they call.
        plain = "".join(
            each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in sentence
        )
        print(f"{plain}  {self.url}{path}", file=sys.stdout, flush=True)

    def _create(self) -> "_Server":
        app = Starlette(
            routes=ROUTES,
            # Against web pages whose own host name points to this machine (DNS rebinding).
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
        )
        app.state.page = self
        config = uvicorn.Config(
            app,
            lifespan="off",
            server_header=False,
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=2,
        )
        return _Server(config, self.live)


class _Server(uvicorn.Server):
    """Ends the streams of open pages before it waits for open connections."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server`."""
        self._live.close()
        await super().shutdown(sockets)


def _page(request: Request) -> DevPage:
    found: DevPage = request.app.state.page
    return found


async def show(_: Request) -> Response:
    """Return the page, which is the same for all addresses that a person opens."""
    return FileResponse(FILES / "page.html", headers=HEADERS)


async def file(request: Request) -> Response:
    """Return the script or the styles of the page."""
    return FileResponse(FILES / f"page.{request.path_params['kind']}", headers=HEADERS)


async def receive(request: Request) -> Response:
    """Take records of a process."""
    page = _page(request)
    # Bytes: `compare_digest` raises for a text that is not ASCII.
    if not hmac.compare_digest(
        request.headers.get("x-devpage-key", "").encode(), page.key.encode()
    ):
        raise HTTPException(403)
    page.store.add(await request.json())
    return Response(status_code=204 if page.store.facts else LACKS_FACTS)


async def everything(request: Request) -> Response:
    """Return the lists of the page."""
    page = _page(request)
    store, facts = page.store, page.store.facts
    return JSONResponse(
        {
            "api_url": page.api_url,
            "slow": store.slow,
            "requests": store.requests(),
            "tasks": store.tasks(),
            "routes": facts.get("routes", []),
            "settings": facts.get("settings", []),
            "api_prefix": facts.get("api_prefix", ""),
            "schedules": schedules.listed(facts.get("schedules", []), store.sent),
            "mails": stored_files.mails_url(),
        },
        headers=HEADERS,
    )


async def request_details(request: Request) -> Response:
    """Return one request with everything that it did and caused."""
    return _found(_page(request).store.request(request.path_params["id"]))


async def task_details(request: Request) -> Response:
    """Return one task with its runs."""
    return _found(_page(request).store.task(request.path_params["id"]))


async def files(_: Request) -> Response:
    """Return the objects of the local Supabase."""
    return JSONResponse(await stored_files.listed(), headers=HEADERS)


async def live(request: Request) -> Response:
    """Stream what changes."""
    page = _page(request)
    return StreamingResponse(page.live.events(), media_type="text/event-stream", headers=HEADERS)


async def clear(request: Request) -> Response:
    """Forget requests and tasks."""
    _check_own(request)
    page = _page(request)
    page.store.clear()
    page.live.tell_to_read_anew()
    return Response(status_code=204)


async def start(request: Request) -> Response:
    """Enqueue the task of a schedule in a process of its own, so that the code is the newest."""
    _check_own(request)
    name = request.path_params["name"]
    known = [each["name"] for each in _page(request).store.facts.get("schedules", [])]
    if name not in known:
        raise HTTPException(404)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "devstack.devpage.start", name),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    if process.returncode:
        last = errors.decode("utf-8", "replace").strip().splitlines()[-1:]
        return JSONResponse({"error": " ".join(last)}, 500, headers=HEADERS)
    task_id = output.decode().strip().splitlines()[-1]
    return JSONResponse({"task": task_id}, headers=HEADERS)


def _check_own(request: Request) -> None:
    if OWN_HEADER not in request.headers:
        raise HTTPException(403)


def _found(details: Mapping[str, Any] | None) -> Response:
    if details is None:
        raise HTTPException(404)
    return JSONResponse(details, headers=HEADERS)


PLACES = ("/", "/requests", "/tasks", "/schedules", "/files", "/routes", "/settings")
ROUTES = [
    *(Route(place, show) for place in PLACES),
    Route("/requests/{id}", show),
    Route("/tasks/{id}", show),
    Route("/page.{kind:str}", file),
    Route("/records", receive, methods=["POST"]),
    Route("/data", everything),
    Route("/data", clear, methods=["DELETE"]),
    Route("/data/live", live),
    Route("/data/files", files),
    Route("/data/requests/{id}", request_details),
    Route("/data/tasks/{id}", task_details),
    Route("/data/schedules/{name}/run", start, methods=["POST"]),
]

logging.getLogger("httpx").setLevel(logging.WARNING)
