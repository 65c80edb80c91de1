"""The local Supabase as an HTTP server."""

import logging
import os
import shutil
import socket
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import BaseRoute, Mount, Route

from devstack.errors import DevStackError
from devstack.ports import HOST, listen, port_of
from devstack.supabase.access import ApiKeyRequired, Services
from devstack.supabase.auth import Auth
from devstack.supabase.errors import AuthError, auth_error, http_error
from devstack.supabase.hooks import Hooks
from devstack.supabase.mail import Mailbox
from devstack.supabase.origins import LOCAL_ORIGINS
from devstack.supabase.routes import (
    admin,
    control,
    factors,
    links,
    local,
    mail_page,
    mails,
    passkeys,
    providers,
    public,
    sessions,
    storage,
    user,
)
from devstack.supabase.storage.buckets import PROJECT_LIMIT
from devstack.supabase.storage.errors import StorageError, storage_error
from devstack.supabase.storage.store import Storage
from devstack.supabase.store import Store, User
from devstack.supabase.tokens import TOKEN_SECONDS
from devstack.supabase.traffic import Traffic, TrafficMiddleware

START_SECONDS = 10.0


class LocalSupabase:
    """A local Supabase on a port of 127.0.0.1.

    In tests, `with LocalSupabase() as supabase:` serves from a thread. `python -m
    devstack.supabase` is a process that inherits its socket.
    """

    def __init__(
        self,
        state: Path | None = None,
        *,
        listening: socket.socket | None = None,
        publishable_key: str = "sb_publishable_local",
        secret_key: str = "sb_secret_local",  # noqa: S107 - of a server on this machine only
        api_url: str = "",
        mails_url: str = "",
        autoconfirm: bool = True,
        hooks: Mapping[str, str] | None = None,
        hook_secrets: str = "",
        storage_limit: int = PROJECT_LIMIT,
    ) -> None:
        """Open the port; `start` or `serve` serves.

        Args:
            state: file for users, sessions and keys, with a folder `storage` beside it; None keeps
                nothing across restarts.
            listening: open socket; None opens one on any free port.
            publishable_key: API key for browsers.
            secret_key: API key for the backend.
            api_url: URL of the API, for the links of the sign-in page.
            mails_url: page with the mails that the hook sends, in place of the one at `/mails`.
            autoconfirm: sign users up without a mail that confirms the address.
            hooks: URLs of hooks by name, see `hooks.Hooks`.
            hook_secrets: secrets of the hooks, see `hooks.Hooks`.
            storage_limit: largest file of the project, in bytes.

        Raises:
            DevStackError: ENVIRONMENT is not local or test, or `state` is damaged.
        """
        environment = os.environ.get("ENVIRONMENT") or "local"
        if environment not in ("local", "test"):
            raise DevStackError(
                f"The local Supabase issues tokens for development, so it does not run with "
                f"ENVIRONMENT={environment}. Set SUPABASE_URL to the URL of the project."
            )
        self.publishable_key = publishable_key
        self.secret_key = secret_key
        store = Store(state)
        # Created with the first bucket.
        scratch = Path(tempfile.gettempdir(), f"supabase-{uuid.uuid4().hex}")
        self._scratch = None if state else scratch
        folder = state.with_name("storage") if state else scratch
        self.storage = Storage(folder, storage_limit)
        self.traffic = Traffic()
        self._socket = listening or listen(0)
        self.url = f"http://{HOST}:{port_of(self._socket)}"
        self.auth = Auth(store, issuer=f"{self.url}/auth/v1")
        self.mailbox = Mailbox(self.url)
        services = Services(
            auth=self.auth,
            mailbox=self.mailbox,
            storage=self.storage,
            traffic=self.traffic,
            hooks=Hooks(hooks or {}, hook_secrets),
            publishable_key=publishable_key,
            secret_key=secret_key,
            api_url=api_url,
            mails_url=mails_url,
            autoconfirm=autoconfirm,
        )
        self.app = _application(services)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def issuer(self) -> str:
        """Claim `iss` of the tokens."""
        return self.auth.issuer

    def issue_token(
        self,
        email: str = "user@example.com",
        *,
        seconds: int = TOKEN_SECONDS,
        claims: Mapping[str, Any] | None = None,
    ) -> str:
        """Sign an access token of a user, who is created if necessary; the server need not run.

        Args:
            email: address of the user.
            seconds: lifetime; negative for an expired token.
            claims: replace or add claims; None as a value removes a claim.
        """
        return self.auth.access_token(
            self.user(email), str(uuid.uuid4()), seconds=seconds, claims=claims
        )

    def user(self, email: str) -> User:
        """Return the user with an address, who is created if necessary."""
        return self.auth.store.by_email(email.lower()) or self.auth.create_user(email)

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
                raise DevStackError("The local Supabase did not start.")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """Stop serving and close the port."""
        if self._server is not None and self._thread is not None:
            # Do not wait for clients with open connections.
            self._server.should_exit = self._server.force_exit = True
            self._thread.join()
        self._socket.close()
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _config(self, **options: Any) -> uvicorn.Config:
        return uvicorn.Config(
            self.app, lifespan="off", server_header=False, timeout_graceful_shutdown=2, **options
        )


def _application(services: Services) -> Starlette:
    keys = (services.publishable_key, services.secret_key)
    guarded: list[BaseRoute] = [
        *public.routes,
        *sessions.routes,
        *mails.routes,
        *user.routes,
        *admin.routes,
        *links.routes,
        *factors.routes,
        *passkeys.routes,
    ]
    unguarded = [*public.open_routes, *mails.open_routes, *providers.open_routes]
    app = Starlette(
        routes=[
            *(Route(f"/auth/v1{each.path}", each.endpoint) for each in unguarded),
            Mount("/auth/v1", routes=guarded, middleware=[Middleware(ApiKeyRequired, keys)]),
            Mount("/storage/v1", routes=storage.routes),
            *local.routes,
            *mail_page.routes,
            *control.routes,
        ],
        middleware=[
            Middleware(TrafficMiddleware, services.traffic),
            Middleware(
                CORSMiddleware,
                allow_origin_regex=LOCAL_ORIGINS,
                allow_methods=["*"],
                allow_headers=["*"],
                expose_headers=[
                    "x-total-count",
                    "link",
                    "x-supabase-api-version",
                    "x-sb-error-code",
                ],
            ),
            # Against web pages whose own host name points to this machine (DNS rebinding).
            Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"]),
        ],
        exception_handlers={
            AuthError: auth_error,
            StorageError: storage_error,
            HTTPException: http_error,
        },
    )
    app.state.services = services
    return app
