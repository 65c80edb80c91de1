"""The site: SQLAdmin on the API's own engine, with the views that the features' `admin.py` hold."""

import inspect
import json
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from fastapi import FastAPI
from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader
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
from app.extensions.admin import act_as, audit
from app.extensions.admin.access import ADMINS_ALONE, ByRole
from app.extensions.admin.guard import FIELD, Guard
from app.extensions.admin.sign_in import SignInRequired, sign_in, sign_out
from app.extensions.admin.views import View

PATH = "/admin"
HERE = Path(__file__).parent

log = get_logger(__name__)


class Sessions(async_sessionmaker[AsyncSession]):
    """Sessions of the running API, which record what they change."""

    def __init__(self, api: FastAPI) -> None:
        super().__init__(class_=AsyncSession)
        self.api = api

    def __call__(self, **_: Any) -> AsyncSession:
        """Make one; SQLAdmin's wishes are the API's habits."""
        session: AsyncSession = self.api.state.database.session()
        # SQLAdmin calls what SQLModel wants nobody to call: SQLAlchemy's own has no such wish.
        session.execute = partial(AnyAsyncSession.execute, session)  # type: ignore[method-assign]
        return audit.watch(session)


class Site(Admin):
    """SQLAdmin with our sign-in, dashboard and pages for errors."""

    def __init__(self, api: FastAPI) -> None:
        self.access = ByRole()
        super().__init__(
            # SQLAdmin mounts itself there, for nobody; see `mount`.
            Starlette(),
            session_maker=Sessions(api),
            base_url=PATH,
            title=get_settings().project_name,
            authentication_backend=SignInRequired(),
            authorization_backend=self.access,
        )
        self.templates.env.loader = ChoiceLoader([*_templates(), _loader(self)])
        self.templates.env.globals |= {"acting": act_as.acting, "csrf_field": FIELD}
        ours = StaticFiles(directory=HERE / "static")
        self.admin.router.routes.insert(0, Mount("/statics/site", ours, name="site"))
        self.modules = [module for _, module in load("admin")]
        for module in self.modules:
            for found in _views(module):
                self.add_view(found)
        for view in self.views:
            self.access.declared[view.identity] = getattr(view, "access", ADMINS_ALONE)
        _link([view for view in self.views if isinstance(view, View)])
        for route in self.admin.router.routes:
            if isinstance(route, Route) and route.methods and route.name.startswith("action-"):
                route.methods.add("POST")
            if isinstance(route, Route) and route.name == "logout":
                route.methods = {"POST"}

    @login_required
    async def index(self, request: Request) -> Response:
        """The dashboard."""
        found = [
            card
            for module in self.modules
            if hasattr(module, "cards")
            for card in await module.cards(request)
        ]
        context = {"cards": found, "title": "Dashboard"}
        return await self.templates.TemplateResponse(request, "sqladmin/index.html", context)

    async def login(self, request: Request) -> Response:
        """Ask for address and password, or look at them."""
        form = await request.form()
        wanted = str(form.get("next") or request.query_params.get("next", ""))
        if request.method == "POST":
            try:
                await sign_in(request, str(form.get("email", "")), str(form.get("password", "")))
                return RedirectResponse(self._own_path(request, wanted), 303)
            except AppError as error:
                context = {"error": error.detail, "email": form.get("email", ""), "next": wanted}
                return await self.templates.TemplateResponse(
                    request, "sqladmin/login.html", context, status_code=error.status
                )
        context = {"next": wanted}
        return await self.templates.TemplateResponse(request, "sqladmin/login.html", context)

    @login_required
    async def logout(self, request: Request) -> Response:
        """Sign out, here or everywhere."""
        form = await request.form()
        await sign_out(request, everywhere=form.get("everywhere") == "yes")
        return RedirectResponse(request.url_for("admin:login"), 303)

    async def error(self, request: Request, status: int, text: str) -> Response:
        """A page that says what went wrong."""
        context = {"status_code": status, "message": text}
        return await self.templates.TemplateResponse(
            request, "sqladmin/error.html", context, status_code=status
        )

    def error_handlers(self, api: FastAPI) -> dict[Any, Any]:
        """What the API answers to each kind of error, in the same words, as pages."""
        known = {kind: self._as_page(answer) for kind, answer in api.exception_handlers.items()}
        return {**known, Exception: self._unexpected}

    def _as_page(self, answer: Callable[..., Any]) -> Callable[..., Awaitable[Response]]:
        async def page(request: Request, error: Exception) -> Response:
            problem: Response = await answer(request, error)
            said = json.loads(bytes(problem.body))
            return await self.error(request, said["status"], said["detail"])

        return page

    async def _unexpected(self, request: Request, error: Exception) -> Response:
        log.error("unexpected_error", exc_info=error)
        return await self.error(request, 500, "Something went wrong on our side.")

    def _own_path(self, request: Request, wanted: str) -> str:
        """A page of the site, whatever an address asks for."""
        home = request.url_for("admin:index")
        inside = wanted.startswith(home.path) and "\\" not in wanted and "//" not in wanted
        return wanted if inside else str(home)


def mount(api: FastAPI) -> Mount:
    """Build the site of an API.

    Raises:
        FeatureError: the `admin.py` of a feature cannot be loaded.
    """
    site, settings = Site(api), get_settings()
    signing_key = settings.secret_key.get_secret_value()
    # The routes alone: SQLAdmin's own application around them would hide the API, and its errors.
    return Mount(
        PATH,
        routes=site.admin.routes,
        name="admin",
        middleware=[
            Middleware(Guard, signing_key=signing_key, secure=settings.online, error=site.error),
            Middleware(ExceptionMiddleware, handlers=site.error_handlers(api)),
        ],
    )


def _views(module: ModuleType) -> Iterator[type[BaseView] | type[ModelView]]:
    """The views that a module defines, in its order."""
    for value in vars(module).values():
        is_view = inspect.isclass(value) and issubclass(value, (BaseView, ModelView))
        if is_view and value.__module__ == module.__name__:
            yield value


def _link(views: list[View]) -> None:
    """Tell each view what its columns refer to: by foreign keys, and by what it declares."""
    by_table = {audit.table_of(view.model): view for view in views}
    for view in views:
        columns: Any = inspect_model(view.model).local_table.columns
        named = {c.name: key.column.table.name for c in columns for key in c.foreign_keys}
        for name, table in (named | dict(view.links)).items():
            if target := by_table.get(table):
                view.linked[name] = target
                target.linking.append((view, name))


def _templates() -> list[BaseLoader]:
    """Those of the features, this one last, so that the project's own come before them."""
    folders = [each.path / "templates" for each in features()]
    folders.sort(key=lambda folder: folder.parent == HERE)
    return [FileSystemLoader(folder) for folder in folders if folder.is_dir()]


def _loader(site: Admin) -> BaseLoader:
    loader = site.templates.env.loader
    assert loader
    return loader
