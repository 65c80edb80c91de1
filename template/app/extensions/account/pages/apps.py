"""Authenticator apps, which sign-ins ask for after the password or the mail."""

import base64
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.core.errors import AppError, NotFoundError
from app.core.settings import get_settings
from app.core.supabase.clients import SupabaseProject
from app.extensions.account.schemas import AppCode, NewApp
from app.extensions.pages.forms import read_form, see_other
from app.extensions.pages.rendering import page
from app.extensions.pages.visitors import AnyVisitor, CurrentSession, to_confirm
from app.extensions.sessions.service import credentials, enrolments, factors, life
from app.extensions.sessions.service.auth import Factor
from app.extensions.sessions.service.browser import browser_of
from app.extensions.sessions.service.store import Session

router = APIRouter()


@router.get("/account/apps")
async def show_apps(
    request: Request, session: CurrentSession, _: AnyVisitor, supabase: SupabaseProject
) -> Response:
    """The apps, and the form to add one."""
    apps = await factors.of_user(supabase, session.tokens(browser_of(request)).access)
    return _list(request, apps, {"name": _new_name(apps)}, {}, 200)


@router.post("/account/apps/new")
async def add_app(
    request: Request, session: CurrentSession, _: AnyVisitor, supabase: SupabaseProject
) -> Response:
    """Let Auth draw the secret of a new app."""
    if ask := to_confirm(request, session, show_apps):
        return ask
    visitor = browser_of(request)
    access = session.tokens(visitor).access
    form = await read_form(request, NewApp)
    errors, status = form.errors, 422
    if form.data:
        try:
            issuer = get_settings().project_name
            enrolment = await factors.enroll(supabase, access, form.data.name, issuer)
            await enrolments.keep(life.redis_of(request), visitor, enrolment)
            return see_other(request, show_new_app)
        except AppError as error:
            errors, status = {"": error.detail}, error.status
    apps = await factors.of_user(supabase, access)
    return _list(request, apps, form.values, errors, status)


@router.get("/account/apps/new")
async def show_new_app(request: Request, _: CurrentSession, __: AnyVisitor) -> Response:
    """The secret as a QR code and as text, and the form for the first code."""
    return await _new(request, {}, 200)


@router.post("/account/apps/new/code")
async def finish_app(request: Request, session: CurrentSession, _: AnyVisitor) -> Response:
    """Check the first code: the app counts from now on."""
    if ask := to_confirm(request, session, show_new_app):
        return ask
    enrolment = await enrolments.get(life.redis_of(request), browser_of(request))
    if enrolment is None:
        return see_other(request, show_apps)
    form = await read_form(request, AppCode)
    errors, status = form.errors, 422
    if form.data:
        try:
            await credentials.add_factor(request, session, enrolment, form.data.code)
            message = "The app is added. Other browsers are signed out."
            return see_other(request, show_apps, message=message)
        except AppError as error:
            errors, status = {"": error.detail}, error.status
    return await _new(request, errors, status)


@router.get("/account/apps/{app_id}/remove")
async def show_remove_app(
    request: Request, app_id: UUID, session: CurrentSession, _: AnyVisitor,
    supabase: SupabaseProject,
) -> Response:  # fmt: skip
    """The form for a code of the app."""
    app = await _app(request, session, supabase, app_id)
    return page(request, "account/app_remove.html", app=app)


@router.post("/account/apps/{app_id}/remove")
async def remove_app(
    request: Request, app_id: UUID, session: CurrentSession, _: AnyVisitor,
    supabase: SupabaseProject,
) -> Response:  # fmt: skip
    """Remove an app."""
    app = await _app(request, session, supabase, app_id)
    form = await read_form(request, AppCode)
    errors, status = form.errors, 422
    if form.data:
        try:
            await credentials.remove_factor(request, session, app, form.data.code)
            return see_other(request, show_apps, message="The app is removed.")
        except AppError as error:
            errors, status = {"": error.detail}, error.status
    return page(request, "account/app_remove.html", status=status, app=app, errors=errors)


async def _app(
    request: Request, session: Session, supabase: SupabaseProject, app_id: UUID
) -> Factor:
    access = session.tokens(browser_of(request)).access
    for each in await factors.of_user(supabase, access):
        if each.id == str(app_id):
            return each
    raise NotFoundError("There is no such app.", code="app_not_found")


def _new_name(apps: tuple[Factor, ...]) -> str:
    taken = {each.name for each in apps}
    names = ("Authenticator app", *(f"Authenticator app {number}" for number in range(2, 20)))
    return next((name for name in names if name not in taken), "")


def _list(
    request: Request,
    apps: tuple[Factor, ...],
    values: dict[str, str],
    errors: dict[str, str],
    status: int,
) -> Response:
    return page(
        request, "account/apps.html", status=status, apps=apps, values=values, errors=errors
    )


async def _new(request: Request, errors: dict[str, str], status: int) -> Response:
    enrolment = await enrolments.get(life.redis_of(request), browser_of(request))
    if enrolment is None:
        return see_other(request, show_apps)
    image = base64.b64encode(enrolment.image.encode()).decode()
    spaced = " ".join(enrolment.secret[at : at + 4] for at in range(0, len(enrolment.secret), 4))
    return page(
        request, "account/app_new.html", status=status, image=image, secret=spaced, errors=errors
    )
