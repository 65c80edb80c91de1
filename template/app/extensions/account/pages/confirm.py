"""Prove again who you are, before a change with which somebody could take over the account.

See `pages.visitors.to_confirm`.
"""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from app.core.errors import AppError
from app.core.supabase.clients import SupabaseProject
from app.extensions.account.pages.links import prepare
from app.extensions.account.pages.overview import show_account
from app.extensions.account.schemas import MailCode, OwnPassword
from app.extensions.pages.addresses import address, safe_path
from app.extensions.pages.forms import read_form
from app.extensions.pages.rendering import page
from app.extensions.pages.visitors import AnyVisitor, CurrentSession
from app.extensions.sessions.service import auth, credentials
from app.extensions.users.schemas import UserRead

router = APIRouter()

# The page after it: in the address at first, then in the forms.
Asked = Annotated[str, Query(alias="next")]
Next = Annotated[str, Form(alias="next")]


@router.get("/account/confirm")
async def show_confirm(
    request: Request, _: CurrentSession, user: AnyVisitor, then: Asked = ""
) -> Response:
    """The form for the password, and the button for a mail."""
    return _form(request, user, then)


@router.post("/account/confirm")
async def confirm(
    request: Request, session: CurrentSession, user: AnyVisitor, then: Next = ""
) -> Response:
    """Check the password."""
    form = await read_form(request, OwnPassword)
    errors, status = form.errors, 422
    if form.data:
        try:
            email, password = user.email or "", form.data.password
            await credentials.confirm(request, session, email, password=password)
            return _back(request, then)
        except AppError as error:
            errors, status = {"": error.detail}, error.status
    return _form(request, user, then, errors, status)


@router.post("/account/confirm/mail")
async def send_confirm(
    request: Request,
    _: CurrentSession,
    user: AnyVisitor,
    supabase: SupabaseProject,
    then: Next = "",
) -> Response:
    """Mail a code to the visitor, who may have no password."""
    try:
        await auth.send_link(supabase, user.email or "", **prepare(request, "magiclink"))
    except AppError as error:
        return _form(request, user, then, {"": error.detail}, error.status)
    return _form(request, user, then, by_mail=True)


@router.post("/account/confirm/code")
async def confirm_by_code(
    request: Request, session: CurrentSession, user: AnyVisitor, then: Next = ""
) -> Response:
    """Check the code of the mail."""
    form = await read_form(request, MailCode)
    errors, status = form.errors, 422
    if form.data:
        try:
            await credentials.confirm(request, session, user.email or "", code=form.data.code)
            return _back(request, then)
        except AppError as error:
            errors, status = {"": error.detail}, error.status
    return _form(request, user, then, errors, status, by_mail=True)


def _form(
    request: Request,
    user: UserRead,
    next_path: str,
    errors: dict[str, str] | None = None,
    status: int = 200,
    *,
    by_mail: bool = False,
) -> Response:
    return page(
        request,
        "account/confirm.html",
        status=status,
        next=next_path,
        by_mail=by_mail,
        email=user.email,
        errors=errors,
    )


def _back(request: Request, next_path: str) -> Response:
    return RedirectResponse(safe_path(next_path, otherwise=address(request, show_account)), 303)
