"""Sign up."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from app.core.errors import AppError
from app.core.supabase.clients import SupabaseProject
from app.extensions.account.pages.links import prepare
from app.extensions.account.pages.second_step import after_sign_in
from app.extensions.account.schemas import SignUp
from app.extensions.pages.forms import read_form
from app.extensions.pages.messages import add_message
from app.extensions.pages.rendering import page
from app.extensions.sessions.service import attempts, auth, life

router = APIRouter()

Next = Annotated[str, Form()]


@router.get("/account/sign-up")
async def show_sign_up(request: Request, next: str = "") -> Response:  # noqa: A002
    """The form."""
    return page(request, "account/sign_up.html", next=next)


@router.post("/account/sign-up")
async def sign_up(request: Request, supabase: SupabaseProject, next: Next = "") -> Response:  # noqa: A002
    """Create an account; its address has to be confirmed if Auth says so."""
    form = await read_form(request, SignUp)
    errors, status = form.errors, 422
    if form.data:
        email = form.data.email
        try:
            await attempts.count(life.redis_of(request), life.client_address(request), email)
            grant = await auth.sign_up(
                supabase, email, form.data.password, **prepare(request, "signup", next)
            )
            if grant is None:
                return page(request, "account/code.html", kind="signup", email=email, next=next)
            await life.begin(request, grant, "password")
            add_message(request, "Welcome! Your account is ready.")
            return RedirectResponse(after_sign_in(request, "password", next), 303)
        except AppError as error:
            errors, status = {"": error.detail}, error.status
    return page(
        request, "account/sign_up.html", status=status, values=form.values, errors=errors, next=next
    )
