"""The local Stripe as an HTTP server."""

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from devstack.errors import DevStackError
from devstack.ports import HOST, listen, port_of
from devstack.stripe import control, pages
from devstack.stripe.account import Account
from devstack.stripe.api import Api, Dropped
from devstack.stripe.billing.agenda import Agenda
from devstack.stripe.billing.reactions import REACTIONS
from devstack.stripe.deliveries import RETRIES, Deliveries
from devstack.stripe.errors import StripeError
from devstack.stripe.services import Services
from devstack.stripe.store import Store
from devstack.stripe.timekeeper import Timekeeper

START_SECONDS = 10.0


class LocalStripe:
    """A local Stripe on a port of 127.0.0.1.

    In tests, `with LocalStripe() as stripe:` serves from a thread.

    Args:
        state: file that keeps the objects across restarts; None keeps nothing.
        listening: open socket; None opens one on any free port.
        key: the only secret key that is accepted; empty for each `sk_test_…` and `rk_test_…`.
        webhook_url: address of an application, which gets all events.
        webhook_secret: signing secret for this address.
        retries: seconds between the attempts to deliver an event.
        seed: makes the ids the same in each run.

    Raises:
        DevStackError: `state` is damaged.
    """

    def __init__(
        self,
        state: Path | None = None,
        *,
        listening: socket.socket | None = None,
        key: str = "",
        webhook_url: str = "",
        webhook_secret: str = "",
        retries: tuple[float, ...] = RETRIES,
        seed: str | None = None,
    ) -> None:
        self._store = Store(state)
        self.account = Account(self._store, seed)
        self.account.reactions = REACTIONS
        self._socket = listening or listen(0)
        self.url = self.account.url = f"http://{HOST}:{port_of(self._socket)}"
        agenda = Agenda(self.account)
        deliveries = Deliveries(self.account, retries)
        api = Api(self.account, agenda, key)
        timekeeper = Timekeeper(self.account, agenda, deliveries)
        self._services = Services(self.account, api, agenda, deliveries, timekeeper)
        if webhook_url:
            self._set_endpoint(webhook_url, webhook_secret)
        self.app = _application(self._services)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def serve(self) -> None:
        """Serve until a signal arrives, and log each request."""
        server = uvicorn.Server(self._config(log_level="info"))
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        server.run(sockets=[self._socket])

    def start(self) -> Self:
        """Serve from a thread; return when the server answers."""
        self._server = uvicorn.Server(self._config(log_config=None))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline:
                raise DevStackError("The local Stripe did not start.")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """Stop serving and close the port."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        self._socket.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _set_endpoint(self, url: str, secret: str) -> None:
        """Keep one endpoint for the application, whose port may differ at each start."""
        account = self.account
        changes = {"url": url, "status": "enabled", "_secret": secret}
        with self._store.transaction():
            for endpoint in account.where("webhook_endpoint", description=control.OWN_ENDPOINT):
                account.change(endpoint, changes)
                return
            account.add(control.own_endpoint(account) | changes)

    def _config(self, **options: Any) -> uvicorn.Config:
        return uvicorn.Config(
            self.app, server_header=False, timeout_graceful_shutdown=2, ws="none", **options
        )


class _Abortable:
    """Gives each request the way to close its connection, which ASGI does not have."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # `send` is a method of uvicorn's object for the request.
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        if transport is not None:
            scope["abort"] = transport.abort
        await self._app(scope, receive, send)


class _Closed(Response):
    """Closes the connection without an answer."""

    async def __call__(self, scope: Scope, receive: Receive, _: Send) -> None:
        scope["abort"]()
        await receive()  # returns when the connection is closed


def _application(services: Services) -> ASGIApp:
    async def answer(request: Request) -> Response:
        try:
            return await services.api.answer(request)
        except Dropped:
            return _Closed()
        finally:
            services.deliveries.wake()
            services.timekeeper.wake()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(services.deliveries.run()),
            asyncio.create_task(services.timekeeper.run()),
        ]
        yield
        for task in tasks:
            task.cancel()

    app = Starlette(
        routes=[
            Route("/v1/{path:path}", answer, methods=["GET", "POST", "DELETE"]),
            *control.ROUTES,
            *pages.ROUTES,
        ],
        lifespan=lifespan,
        # Against web pages whose own host name points to this machine (DNS rebinding).
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
        exception_handlers={StripeError: control.error_response},
    )
    app.state.services = services
    return _Abortable(app)
