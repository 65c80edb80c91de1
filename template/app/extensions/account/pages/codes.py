"""After a mail: its link, and its code."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from app.core.errors import AppError
from app.core.supabase.clients import SupabaseProject
from app.extensions.account.pages.links import look, take
from app.extensions.account.pages.second_step import after_sign_in, to_second_step
from app.extensions.account.pages.sign_in import sign_in_form
from app.extensions.account.schemas import Code
from app.extensions.pages.forms import read_form
from app.extensions.pages.messages import add_message
from app.extensions.pages.rendering import page
from app.extensions.sessions.service import attempts, auth, life
from app.extensions.sessions.service.auth import Grant

router = APIRouter()

Next = Annotated[str, Form()]


MESSAGES = {
    "signup": "Your address is confirmed.",
    "email_change": "Your address is changed.",
    "magiclink": "You have signed in.",
}


@router.get("/account/follow")
async def follow(
    request: Request,
    supabase: SupabaseProject,
    code: str = "",
    error_code: str = "",
    message: str = "",
) -> Response:
    """The link of a mail has led here, with a code for this browser or the code of an error.

    The first of the two mails of a change of address leads here with a message.
    """
    if message and not (code or error_code) and look(request).kind == "email_change":
        return page(request, "account/email_half.html")
    way = take(request)
    kind, verifier = way.kind, way.verifier
    try:
        if not code or not verifier:
            without_code = "oauth_refused" if kind == "oauth" else "otp_expired"
            unknown = "bad_code_verifier" if code else without_code
            sentence = auth.SENTENCES.get(error_code, auth.SENTENCES[unknown])
            raise auth.AuthRefusedError(sentence, code=error_code or unknown)
        return await enter(
            request, await auth.exchange(supabase, code, verifier), kind, way.next_path
        )
    except AppError as error:
        errors = {"": error.detail}
        if kind == "oauth":
            return await sign_in_form(request, way.next_path, errors=errors, status=error.status)
        return page(
            request, "account/link.html", status=error.status, errors=errors, next=way.next_path
        )


@router.post("/account/code")
async def check_code(request: Request, supabase: SupabaseProject, next: Next = "") -> Response:  # noqa: A002
    """Somebody has typed the code of a mail."""
    form = await read_form(request, Code)
    errors, status = form.errors, 422
    if form.data:
        email = form.data.email
        redis, address = life.redis_of(request), life.client_address(request)
        try:
            await attempts.count(redis, address, email)
            code = form.data.code.replace(" ", "")
            grant = await auth.check_code(supabase, form.data.kind, email, code)
            await attempts.reset(redis, address, email)
            return await enter(request, grant, form.data.kind, next)
        except AppError as error:
            errors, status = {"": error.detail}, error.status
    return page(
        request,
        "account/code.html",
        status=status,
        next=next,
        kind=form.values["kind"],
        email=form.values["email"],
        errors=errors,
    )


async def enter(request: Request, grant: Grant, kind: str, next_path: str = "") -> Response:
    """Start the session to which a mail of this kind has led, and show the page after it."""
    if not await life.begin(request, grant, kind):
        return to_second_step(request, next_path)
    if kind != "recovery":
        add_message(request, MESSAGES.get(kind, MESSAGES["magiclink"]))
    return RedirectResponse(after_sign_in(request, kind, next_path), 303)
