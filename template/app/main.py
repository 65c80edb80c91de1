"""The API: `uvicorn app.main:app`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from app.core.auth.tokens import TokenVerifier
from app.core.collector import settle_collector
from app.core.database import Database, async_engine
from app.core.features import FeatureError, load, load_all_settings, load_models
from app.core.http import health
from app.core.http.error_handlers import add_error_handlers, unexpected_error
from app.core.http.exact_routes import ExactRoutes
from app.core.http.home import add_home
from app.core.http.middleware import RequestContext, RequestGuard
from app.core.http.openapi import add_docs, describe_api, operation_id
from app.core.http_client import authorities
from app.core.logging import configure_logging
from app.core.redis import async_client
from app.core.settings import CoreSettings, SettingsError
from app.core.supabase.clients import Supabase
from app.core.tasks.application import configure_celery
from app.core.tasks.relay import Relay


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
        database = Database(async_engine(settings))
        client = httpx.AsyncClient(verify=authorities())
        app.state.database = database
        app.state.supabase = Supabase(settings)
        app.state.redis = async_client(settings)
        app.state.verifier = TokenVerifier(settings, client)
        # Not awaited: the process also starts without Supabase.
        warm_up = asyncio.create_task(app.state.verifier.warm_up())
        async with Relay(database.engine), AsyncExitStack() as stack:
            for _, lives in load("lifespan"):
                await stack.enter_async_context(lives(app))
            settle_collector()
            yield
        warm_up.cancel()
        await app.state.redis.aclose()
        await app.state.supabase.aclose()
        await client.aclose()
        await database.close()

    app = FastAPI(
        title=settings.project_name,
        version=settings.app_version,
        description=_how_to_sign_in(settings),
        lifespan=lifespan,
        debug=settings.debug,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs_enabled else None,
        generate_unique_id_function=operation_id,
    )
    described: dict[str, str] = {}
    for feature, router in load("routes"):
        for _, prepare in load("routers"):
            prepare(feature.name, router)
        path = f"{settings.api_prefix}/{feature.name}"
        app.include_router(router, prefix=path, tags=[feature.name])
        described[feature.name] = feature.summary
    for module in ("events", "lifespan", "tokens"):
        load(module)  # finds errors in these modules at the start and not at their first use
    for feature, router in load("webhooks"):
        path = f"{settings.api_prefix}/webhooks/{feature.name}"
        app.include_router(router, prefix=path, include_in_schema=False)
    app.include_router(health.router)
    add_error_handlers(app)
    describe_api(app, described)
    if settings.docs_enabled:
        add_docs(app)
    add_home(app, settings)
    app.router.routes.insert(0, ExactRoutes(app))

    # The middleware that is added last is the outermost.
    middlewares = [kind for _, kind in load("middleware")]
    for kind in middlewares:
        app.add_middleware(kind)
    unexpected = None if settings.debug else unexpected_error
    app.add_middleware(RequestGuard, limit=settings.max_body_bytes, unexpected=unexpected)
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


def _how_to_sign_in(settings: CoreSettings) -> str:
    if settings.environment != "local":
        return "Send an access token of Supabase Auth as `Authorization: Bearer …`."
    return (
        f"[Sign in at the local Supabase]({settings.supabase_url}), copy the access token, and "
        "give it to *Authorize* (`/docs`) or *Authentication* (`/scalar`)."
    )


try:
    app = create_app()
except (SettingsError, FeatureError) as error:
    # Show only the reason: uvicorn would print it after a long traceback.
    raise SystemExit(f"Error: {error}") from error
