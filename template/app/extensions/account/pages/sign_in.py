"""Sign in with a password or a mail, and sign out."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from app.core.errors import AppError
from app.core.supabase.clients import SupabaseProject, supabase_of
from app.extensions.account.pages.links import mail_code
from app.extensions.account.pages.providers import providers
from app.extensions.account.pages.second_step import after_sign_in, to_second_step
from app.extensions.account.schemas import SignIn
from app.extensions.pages.forms import read_form, see_other
from app.extensions.pages.rendering import page
from app.extensions.pages.visitors import CurrentSession
from app.extensions.sessions.service import attempts, auth, life, passkeys

router = APIRouter()

Next = Annotated[str, Form()]


@router.get("/account/sign-in")
async def show_sign_in(request: Request, next: str = "") -> Response:  # noqa: A002
    """The form."""
    return await sign_in_form(request, next)


@router.post("/account/sign-in")
async def sign_in(request: Request, supabase: SupabaseProject, next: Next = "") -> Response:  # noqa: A002
    """Start a session."""
    form = await read_form(request, SignIn)
    if form.data is None:
        return await sign_in_form(request, next, form.values, form.errors, 422)
    email, redis, address = form.data.email, life.redis_of(request), life.client_address(request)
    try:
        await attempts.count(redis, address, email)
        grant = await auth.check_password(supabase, email, form.data.password)
        has_session = await life.begin(request, grant, "password")
    except AppError as error:
        return await sign_in_form(request, next, form.values, {"": error.detail}, error.status)
    await attempts.reset(redis, address, email)
    if not has_session:
        return to_second_step(request, next)
    return RedirectResponse(after_sign_in(request, "password", next), 303)


@router.get("/account/link")
async def show_link(request: Request, next: str = "") -> Response:  # noqa: A002
    """The form to ask for a link."""
    return page(request, "account/link.html", next=next)


@router.post("/account/link")
async def send_link(request: Request) -> Response:
    """Mail a link and a code to sign in."""
    return await mail_code(request, "magiclink", auth.send_link, "account/link.html")


@router.post("/account/sign-out")
async def sign_out(
    request: Request, session: CurrentSession, everywhere: Annotated[str, Form()] = ""
) -> Response:
    """End this session, or all sessions of the user."""
    await life.sign_out(request, session, everywhere=everywhere == "yes")
    response = see_other(request, show_sign_in, message="You have signed out.")
    # Pages that the browser has kept are gone as well.
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


async def sign_in_form(
    request: Request,
    next_path: str = "",
    values: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    """Show the form, with the other ways to sign in."""
    return page(
        request,
        "account/sign_in.html",
        status=status,
        next=next_path,
        providers=providers(),
        passkeys=await passkeys.are_offered(supabase_of(request)),
        values=values,
        errors=errors,
    )
