"""Sign up."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.core.errors import AppError
from app.core.supabase.clients import SupabaseProject
from app.extensions.account.pages.links import prepare
from app.extensions.account.pages.overview import show_account
from app.extensions.account.schemas import SignUp
from app.extensions.pages.forms import read_form, see_other
from app.extensions.pages.rendering import page
from app.extensions.sessions.service import attempts, auth, life

router = APIRouter()


@router.get("/account/sign-up")
async def show_sign_up(request: Request) -> Response:
    """The form."""
    return page(request, "account/sign_up.html")


@router.post("/account/sign-up")
async def sign_up(request: Request, supabase: SupabaseProject) -> Response:
    """Create an account; its address has to be confirmed if Auth says so."""
    form = await read_form(request, SignUp)
    errors, status = form.errors, 422
    if form.data:
        email = form.data.email
        try:
            await attempts.count(life.redis_of(request), life.client_address(request), email)
            grant = await auth.sign_up(
                supabase, email, form.data.password, **prepare(request, "signup")
            )
            if grant is None:
                return page(request, "account/code.html", kind="signup", email=email)
            await life.begin(request, grant, "password")
            return see_other(request, show_account, message="Welcome! Your account is ready.")
        except AppError as error:
            errors, status = {"": error.detail}, error.status
    return page(request, "account/sign_up.html", status=status, values=form.values, errors=errors)
