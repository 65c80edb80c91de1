"""The inbox as two servers in one loop: SMTP, and the page over HTTP."""

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from devstack.errors import DevStackError
from devstack.inbox.smtp import Handler, session
from devstack.inbox.store import Inbox, Received
from devstack.ports import HOST, listen, port_of

PAGE = Path(__file__).with_name("page.html")
START_SECONDS = 10.0
# The page runs only its own script. A mail runs none, and its links open in another tab.
PAGE_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src * data:; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)


class InboxServer:
    """An inbox on two ports of 127.0.0.1.

    In tests, `with InboxServer() as inbox:` serves from a thread.

    Args:
        smtp: open socket for mails; None opens one on any free port.
        http: open socket for the page, likewise.
        tls: for connections that begin with TLS.
        options: those of `aiosmtpd.smtp.SMTP`, such as `tls_context` for STARTTLS.
    """

    def __init__(
        self,
        smtp: socket.socket | None = None,
        http: socket.socket | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.inbox = Inbox()
        self.handler = Handler(self.inbox)
        self._smtp, self._http = smtp or listen(0), http or listen(0)
        self._tls, self._options = tls, options or {}
        self.smtp_port = port_of(self._smtp)
        self.url = f"http://{HOST}:{port_of(self._http)}"
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def serve(self) -> None:
        """Serve until a signal arrives."""
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd
        self._create().run(sockets=[self._http])

    def start(self) -> Self:
        """Serve from a thread; return when both servers answer."""
        self._server = self._create(log_config=None)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._http]}, daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline:
                raise DevStackError("The inbox did not start.")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """Stop serving and close the ports."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        self._smtp.close()
        self._http.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _create(self, **options: Any) -> uvicorn.Server:
        app = Starlette(
            routes=ROUTES,
            lifespan=self._lifespan,
            # Against web pages whose own host name points to this machine (DNS rebinding).
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
        )
        app.state.inbox = self.inbox
        config = uvicorn.Config(
            app,
            server_header=False,
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=2,
            **options,
        )
        return uvicorn.Server(config)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        factory = partial(session, self.handler, **self._options)
        server = await asyncio.get_running_loop().create_server(
            factory, sock=self._smtp, ssl=self._tls
        )
        yield
        server.close()


def _inbox(request: Request) -> Inbox:
    found: Inbox = request.app.state.inbox
    return found


def _mail(request: Request) -> Received:
    mail = _inbox(request).get(request.path_params["number"])
    if mail is None:
        raise HTTPException(404)
    return mail


async def page(_: Request) -> Response:
    """Return the page; it loads the mails."""
    headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(PAGE.read_text(encoding="utf-8"), headers=headers)


async def list_mails(request: Request) -> Response:
    """List the mails, newest first."""
    return JSONResponse([mail.summary() for mail in _inbox(request)][::-1])


async def show(request: Request) -> Response:
    """Return one mail."""
    return JSONResponse(_mail(request).details())


async def show_html(request: Request) -> Response:
    """Return the HTML of a mail, for a frame."""
    html = _mail(request).html.replace("<head>", '<head><base target="_blank">', 1)
    return HTMLResponse(html, headers={"Content-Security-Policy": MAIL_POLICY})


async def show_source(request: Request) -> Response:
    """Return the mail as it came."""
    return PlainTextResponse(_mail(request).source)


async def download(request: Request) -> Response:
    """Return a file of a mail."""
    parts = _mail(request).attachments
    if request.path_params["part"] >= len(parts):
        raise HTTPException(404)
    content = parts[request.path_params["part"]].get_payload(decode=True)
    headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
    return Response(
        content if isinstance(content, bytes) else b"",
        media_type="application/octet-stream",
        headers=headers,
    )


async def delete(request: Request) -> Response:
    """Delete a mail, or all."""
    _inbox(request).delete(request.path_params.get("number"))
    return Response(status_code=204)


ROUTES = [
    Route("/", page),
    Route("/mails", list_mails),
    Route("/mails", delete, methods=["DELETE"]),
    Route("/mails/{number:int}", show),
    Route("/mails/{number:int}", delete, methods=["DELETE"]),
    Route("/mails/{number:int}/html", show_html),
    Route("/mails/{number:int}/source", show_source),
    Route("/mails/{number:int}/files/{part:int}", download),
]
