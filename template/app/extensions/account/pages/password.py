"""A forgotten password, and another password."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.core.errors import AppError
from app.extensions.account.pages.links import mail_code
from app.extensions.account.pages.overview import show_account
from app.extensions.account.schemas import ChangedPassword, ChosenPassword
from app.extensions.pages.forms import read_form, see_other
from app.extensions.pages.rendering import page
from app.extensions.pages.visitors import AnyVisitor, CurrentSession
from app.extensions.sessions.service import auth, credentials

router = APIRouter()


@router.get("/account/forgot")
async def show_forgot(request: Request) -> Response:
    """The form to ask for a mail."""
    return page(request, "account/forgot.html")


@router.post("/account/forgot")
async def send_reset(request: Request) -> Response:
    """Mail a link and a code."""
    return await mail_code(request, "recovery", auth.send_reset, "account/forgot.html")


@router.get("/account/password")
async def show_password(request: Request, session: CurrentSession, user: AnyVisitor) -> Response:
    """The form. After the mail for a forgotten password, it does not ask for the current one."""
    return _form(request, session, user)


@router.post("/account/password")
async def change_password(request: Request, session: CurrentSession, user: AnyVisitor) -> Response:
    """Set another password; all other sessions of the user end."""
    by_mail = session.method == "recovery"
    form = await read_form(request, ChosenPassword if by_mail else ChangedPassword)
    errors, status = form.errors, 422
    if form.data:
        try:
            if isinstance(form.data, ChangedPassword):
                current = form.data.current
                await credentials.confirm(request, session, user.email or "", password=current)
            await credentials.change_password(request, session, form.data.password)
            message = "Your password is changed. Other browsers are signed out."
            return see_other(request, show_account, message=message)
        except AppError as error:
            errors, status = {"": error.detail}, error.status
    return _form(request, session, user, errors, status)


def _form(
    request: Request,
    session: CurrentSession,
    user: AnyVisitor,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    return page(
        request,
        "account/password.html",
        status=status,
        by_mail=session.method == "recovery",
        email=user.email,
        errors=errors,
    )
