"""The site: SQLAdmin on the API's engine, with the views of the features' `admin.py`."""

import inspect
import json
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from fastapi import FastAPI
from sqladmin import Admin, BaseView, ModelView
from sqladmin.authentication import login_required
from sqlalchemy import inspect as inspect_model
from sqlalchemy.ext.asyncio import AsyncSession as AnyAsyncSession
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from app.core.errors import AppError
from app.core.features import features, load
from app.core.logging import get_logger
from app.core.settings import get_settings
from app.extensions.admin import audit, impersonation
from app.extensions.admin.access import ADMINS_ONLY, RoleAuthorization
from app.extensions.admin.guard import Guard
from app.extensions.admin.sign_in import (
    SessionAuthentication,
    enter_code,
    first_step,
    sign_in,
    sign_out,
)
from app.extensions.admin.views import View
from app.extensions.sessions.service.browser import csrf_token
from app.extensions.sessions.service.csrf import FIELD

PATH = "/admin"
HERE = Path(__file__).parent

log = get_logger(__name__)


class SessionMaker(async_sessionmaker[AsyncSession]):
    """Makes sessions of the running API that record their changes in the audit log."""

    def __init__(self, api: FastAPI) -> None:
        super().__init__(class_=AsyncSession)
        self.api = api

    def __call__(self, **_: Any) -> AsyncSession:
        """Make a session. SQLAdmin's options are ignored: the API's sessions have the same."""
        session: AsyncSession = self.api.state.database.session()
        # SQLAdmin calls `execute`, which SQLModel deprecates with a warning.
        session.execute = partial(AnyAsyncSession.execute, session)  # type: ignore[method-assign]
        return audit.watch(session)


class Site(Admin):
    """SQLAdmin with the sign-in, the dashboard and the error pages of this feature."""

    def __init__(self, api: FastAPI) -> None:
        self.access = RoleAuthorization()
        super().__init__(
            # SQLAdmin mounts itself on an application; `mount` takes the routes from it instead.
            Starlette(),
            session_maker=SessionMaker(api),
            base_url=PATH,
            title=get_settings().project_name,
            # SQLAdmin passes it to Jinja's FileSystemLoader, which takes a list as well.
            templates_dir=_template_folders(),  # type: ignore[arg-type]
            authentication_backend=SessionAuthentication(),
            authorization_backend=self.access,
        )
        self.templates.env.globals |= {
            "current_impersonation": impersonation.current,
            "csrf_field": FIELD,
            "csrf_token": csrf_token,
        }
        static = StaticFiles(directory=HERE / "static")
        self.admin.router.routes.insert(0, Mount("/statics/site", static, name="site"))
        self.modules = [module for _, module in load("admin")]
        for module in self.modules:
            for view_class in _view_classes(module):
                self.add_view(view_class)
        for view in self.views:
            # SQLAdmin sets it on the class, where the site of a second API would replace it.
            vars(view)["session_maker"] = self.session_maker
            self.access.access_by_view[view.identity] = getattr(view, "access", ADMINS_ONLY)
        _link([view for view in self.views if isinstance(view, View)])
        for route in self.admin.router.routes:
            if isinstance(route, Route) and route.methods and route.name.startswith("action-"):
                route.methods.add("POST")
            if isinstance(route, Route) and route.name == "logout":
                route.methods = {"POST"}

    @login_required
    async def index(self, request: Request) -> Response:
        """Show the dashboard."""
        found = [
            card
            for module in self.modules
            if hasattr(module, "cards")
            for card in await module.cards(request)
        ]
        context = {"cards": found, "title": "Dashboard"}
        return await self.templates.TemplateResponse(request, "sqladmin/index.html", context)

    async def login(self, request: Request) -> Response:
        """Show the form of the sign-in or of its second step, or sign in with its values."""
        form = await request.form()
        email = str(form.get("email", ""))
        next_path = str(form.get("next") or request.query_params.get("next", ""))
        has_code = "code" in form
        context: dict[str, Any] = {"email": email, "next": next_path}
        status = 200
        if request.method == "POST":
            try:
                if has_code:
                    await enter_code(request, str(form["code"]), str(form.get("app", "")))
                else:
                    context["step"] = await sign_in(request, email, str(form.get("password", "")))
                if not context.get("step"):
                    return RedirectResponse(self._safe_path(request, next_path), 303)
            except AppError as error:
                context["error"], status = error, error.status
                context["step"] = await first_step(request) if has_code else None
        return await self.templates.TemplateResponse(
            request, "sqladmin/login.html", context, status_code=status
        )

    @login_required
    async def logout(self, request: Request) -> Response:
        """End this session, or all sessions of the user."""
        form = await request.form()
        await sign_out(request, everywhere=form.get("everywhere") == "yes")
        return RedirectResponse(request.url_for("admin:login"), 303)

    async def error(self, request: Request, status: int, code: str, detail: str) -> Response:
        """Make a page that explains an error."""
        context = {"status_code": status, "code": code, "message": detail}
        return await self.templates.TemplateResponse(
            request, "sqladmin/error.html", context, status_code=status
        )

    def error_handlers(self, api: FastAPI) -> dict[Any, Any]:
        """The API's handlers of errors; their answers become pages."""
        handlers = {
            kind: self._as_page(handler) for kind, handler in api.exception_handlers.items()
        }
        return {**handlers, Exception: self._unexpected}

    def _as_page(self, handler: Callable[..., Any]) -> Callable[..., Awaitable[Response]]:
        async def page(request: Request, error: Exception) -> Response:
            response: Response = await handler(request, error)
            problem = json.loads(bytes(response.body))
            return await self.error(request, problem["status"], problem["code"], problem["detail"])

        return page

    async def _unexpected(self, request: Request, error: Exception) -> Response:
        log.error("unexpected_error", exc_info=error)
        return await self.error(request, 500, "internal_error", "An internal error occurred.")

    def _safe_path(self, request: Request, path: str) -> str:
        """Return a path of the site; others would be an open redirect."""
        home = request.url_for("admin:index")
        inside = path.startswith(home.path) and "\\" not in path and "//" not in path
        return path if inside else str(home)


def mount(api: FastAPI) -> Mount:
    """Build the site as a route of the API.

    Raises:
        FeatureError: the `admin.py` of a feature cannot be loaded.
    """
    site = Site(api)
    # Only the routes are mounted. With SQLAdmin's application around them, `request.app` would not
    # be the API, and errors would not reach the handlers.
    return Mount(
        PATH,
        routes=site.admin.routes,
        name="admin",
        middleware=[
            Middleware(Guard, error=site.error),
            Middleware(ExceptionMiddleware, handlers=site.error_handlers(api)),
        ],
    )


def _view_classes(module: ModuleType) -> Iterator[type[BaseView] | type[ModelView]]:
    """The views that a module defines, in the order of their definition."""
    for value in vars(module).values():
        is_view = inspect.isclass(value) and issubclass(value, (BaseView, ModelView))
        if is_view and value.__module__ == module.__name__:
            yield value


def _link(views: list[View]) -> None:
    """Connect the views whose tables refer to each other, by foreign keys or by `links`."""
    by_table = {audit.table_of(view.model): view for view in views}
    for view in views:
        columns: Any = inspect_model(view.model).local_table.columns
        named = {c.name: key.column.table.name for c in columns for key in c.foreign_keys}
        for name, given in (named | dict(view.links)).items():
            tables = (given,) if isinstance(given, str) else given
            if targets := tuple(by_table[table] for table in tables if table in by_table):
                view.targets[name] = targets
                for target in targets:
                    target.referrers.append((view, name))


def _template_folders() -> list[Path]:
    """The `templates/` of all features; this feature's is last, so that the others override it."""
    folders = [each.path / "templates" for each in features()]
    return sorted(folders, key=lambda folder: folder.parent == HERE)
