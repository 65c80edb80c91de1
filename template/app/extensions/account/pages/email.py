"""Another address: a mail to the old and one to the new address have to be confirmed."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.core.errors import AppError
from app.core.supabase.clients import SupabaseProject
from app.extensions.account.pages.codes import enter
from app.extensions.account.pages.links import prepare
from app.extensions.account.schemas import NewAddress, NewAddressCode
from app.extensions.pages.forms import read_form
from app.extensions.pages.rendering import page
from app.extensions.pages.visitors import AnyVisitor, CurrentSession, to_confirm
from app.extensions.sessions.service import attempts, auth, life
from app.extensions.sessions.service.auth import AuthRefusedError, Grant
from app.extensions.sessions.service.browser import browser_of

router = APIRouter()


@router.get("/account/email")
async def show_email(request: Request, session: CurrentSession, user: AnyVisitor) -> Response:
    """The form."""
    if ask := to_confirm(request, session, show_email):
        return ask
    return page(request, "account/email.html", email=user.email)


@router.post("/account/email")
async def change_email(
    request: Request, session: CurrentSession, user: AnyVisitor, supabase: SupabaseProject
) -> Response:
    """Let Auth mail both addresses."""
    if ask := to_confirm(request, session, show_email):
        return ask
    form = await read_form(request, NewAddress)
    errors, status = form.errors, 422
    if form.data:
        access, email = session.tokens(browser_of(request)).access, form.data.email
        try:
            await auth.change_email(supabase, access, email, **prepare(request, "email_change"))
            return page(
                request, "account/email_sent.html", email=email, old=user.email, is_half=False
            )
        except AppError as error:
            errors, status = {"": error.detail}, error.status
    return page(
        request, "account/email.html", status=status, email=user.email, values=form.values,
        errors=errors,
    )  # fmt: skip


@router.post("/account/email/code")
async def check_email_code(
    request: Request, _: CurrentSession, user: AnyVisitor, supabase: SupabaseProject
) -> Response:
    """Check the code of either mail."""
    form = await read_form(request, NewAddressCode)
    errors, status = form.errors, 422
    if form.data:
        redis, address = life.redis_of(request), life.client_address(request)
        new, old = form.data.email, user.email or ""
        try:
            await attempts.count(redis, address, new)
            grant = await _confirm(supabase, (new, old), form.data.code)
            await attempts.reset(redis, address, new)
            if grant:
                return await enter(request, grant, "email_change")
            return page(request, "account/email_sent.html", email=new, old=old, is_half=True)
        except AppError as error:
            errors, status = {"": error.detail}, error.status
    return page(
        request, "account/email_sent.html", status=status, email=form.values["email"],
        old=user.email, is_half=False, errors=errors,
    )  # fmt: skip


async def _confirm(
    supabase: SupabaseProject, addresses: tuple[str, str], code: str
) -> Grant | None:
    # People do not say in which mailbox the code was.
    new, old = addresses
    try:
        return await auth.confirm_email(supabase, new, code)
    except AuthRefusedError:
        if not old:
            raise
        return await auth.confirm_email(supabase, old, code)
