"""The API: `uvicorn app.main:app`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from app.core.auth.scopes import scopes_of
from app.core.auth.tokens import TokenVerifier
from app.core.collector import tune_collector
from app.core.database import Database, async_engine
from app.core.features import (
    FeatureError,
    extra_features,
    load,
    load_all_settings,
    load_models,
)
from app.core.http import health
from app.core.http.error_handlers import add_error_handlers
from app.core.http.exact_routes import ExactRoutes
from app.core.http.home import add_home
from app.core.http.middleware import RequestContext, RequestGuard
from app.core.http.openapi import add_docs, describe_api, operation_id
from app.core.http_client import client_options
from app.core.logging import configure_logging
from app.core.process import process
from app.core.redis import async_client
from app.core.settings import SettingsError
from app.core.supabase.clients import Supabase
from app.core.tasks.application import configure_celery
from app.core.tasks.relay import Relay

# It is the same in every environment, so that the OpenAPI document is as well.
SIGN_IN = (
    "Send an access token of Supabase Auth as `Authorization: Bearer …`. On a developer's machine, "
    "`uv run app token` prints one."
)


def create_app() -> FastAPI:
    """Build the API from the settings and the features.

    Raises:
        SettingsError: settings are missing or wrong.
        FeatureError: a feature cannot be loaded.
    """
    settings = load_all_settings()
    configure_logging(settings)
    configure_celery(settings)
    load_models()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # No connection is opened here: the process starts in any case, and /health/ready tells
        # which service is missing.
        # The stack closes everything in the reverse order, even if opening or closing a resource
        # fails.
        async with AsyncExitStack() as stack:
            stack.enter_context(process("api"))
            state = app.state
            state.database = Database(async_engine(settings))
            stack.push_async_callback(state.database.close)
            state.supabase = await stack.enter_async_context(Supabase(settings))
            state.redis = await stack.enter_async_context(async_client(settings))
            client = await stack.enter_async_context(httpx.AsyncClient(**client_options()))
            state.verifier = TokenVerifier(settings, client)
            # Not awaited: the process also starts without Supabase.
            stack.callback(asyncio.create_task(state.verifier.warm_up()).cancel)
            await stack.enter_async_context(Relay(state.database.engine))
            for _, lives in load("lifespan"):
                await stack.enter_async_context(lives(app))
            tune_collector()
            yield

    app = FastAPI(
        title=settings.project_name,
        version=settings.app_version,
        description=SIGN_IN,
        lifespan=lifespan,
        debug=settings.show_tracebacks,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs_enabled else None,
        generate_unique_id_function=operation_id,
    )
    described: dict[str, str] = {}
    for feature, router in load("routes"):
        for _, prepare in load("routers"):
            prepare(feature.name, router)
        path = f"{settings.api_prefix}/{feature.route_path}"
        app.include_router(router, prefix=path, tags=[feature.name])
        described[feature.name] = feature.summary
    used_later = (
        "counters",
        "events",
        "failures",
        "lifespan",
        "openapi",
        "process",
        "task_headers",
        "tokens",
    )
    for module in used_later:
        load(module)  # finds errors in these modules at the start and not at their first use
    for feature, router in load("webhooks"):
        path = f"{settings.api_prefix}/webhooks/{feature.name}"
        app.include_router(router, prefix=path, include_in_schema=False)
    app.include_router(health.router)
    for _, mount in load("mount"):
        mount(app)
    app.state.scopes = scopes_of(app.routes)
    add_error_handlers(app)
    describe_api(app, described)
    if settings.docs_enabled:
        add_docs(app)
    add_home(app, settings)
    app.router.routes.insert(0, ExactRoutes(app))

    # The middleware that is added last is the outermost.
    middlewares = [kind for feature, kind in load("middleware") if feature not in extra_features()]
    for kind in middlewares:
        app.add_middleware(kind)
    renderers = [kind for kind in middlewares if getattr(kind, "renders_problems", False)]
    app.add_middleware(RequestGuard, settings=settings, renderers=renderers)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_credentials=settings.cors_credentials,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=[
                "X-Request-ID",
                "Retry-After",
                *(name for kind in middlewares for name in kind.exposed_headers),
            ],
        )
    app.add_middleware(RequestContext, settings=settings)
    return app


try:
    app = create_app()
except (SettingsError, FeatureError) as error:
    # Show only the reason: uvicorn would print it after a long traceback.
    raise SystemExit(f"Error: {error}") from error
