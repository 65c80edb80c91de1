"""Passkeys: sign in without a password, by the lock of a phone or computer (WebAuthn).

They are there if Supabase Auth offers them. `static/passkeys.js` asks the browser.
"""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from app.core.errors import AppError, ForbiddenError, NotFoundError
from app.core.supabase.clients import SupabaseProject
from app.extensions.account.pages.second_step import after_sign_in, to_second_step
from app.extensions.account.pages.sign_in import sign_in_form
from app.extensions.account.schemas import NewPasskey, UsedPasskey
from app.extensions.pages.forms import read_form, see_other
from app.extensions.pages.rendering import page
from app.extensions.pages.visitors import AnyVisitor, CurrentSession, to_confirm
from app.extensions.sessions.service import attempts, credentials, life, passkeys
from app.extensions.sessions.service.browser import browser_of
from app.extensions.sessions.service.passkeys import Passkey
from app.extensions.sessions.service.store import Session


async def offered(supabase: SupabaseProject) -> None:
    """Let the pages exist only where Auth offers passkeys.

    Raises:
        NotFoundError: it does not.
    """
    if not await passkeys.are_offered(supabase):
        raise NotFoundError("There are no passkeys on this site.", code="passkeys_not_offered")


Offered = Annotated[None, Depends(offered)]
Next = Annotated[str, Form()]

router = APIRouter()


@router.get("/account/passkeys")
async def show_passkeys(
    request: Request, session: CurrentSession, _: AnyVisitor, supabase: SupabaseProject, __: Offered
) -> Response:
    """The passkeys of the visitor."""
    found = await passkeys.of_user(supabase, _token(request, session))
    return page(request, "account/passkeys.html", passkeys=found)


@router.get("/account/passkeys/new")
async def show_new_passkey(
    request: Request, session: CurrentSession, _: AnyVisitor, __: Offered
) -> Response:
    """The form for a new passkey."""
    if ask := to_confirm(request, session, show_new_passkey):
        return ask
    return page(request, "account/passkey_new.html", values={"name": "Passkey"})


@router.post("/account/passkeys/new/options")
async def begin_passkey(
    request: Request, session: CurrentSession, _: AnyVisitor, supabase: SupabaseProject, __: Offered
) -> Response:
    """What the browser needs to create a passkey, for the script.

    Raises:
        ForbiddenError: `not_confirmed`; the visitor has not just proved who they are.
    """
    if not credentials.is_confirmed(session):
        raise ForbiddenError("This took too long. Load the page again.", code="not_confirmed")
    challenge = await passkeys.begin_enrolment(supabase, _token(request, session))
    return JSONResponse(asdict(challenge))


@router.post("/account/passkeys/new")
async def add_passkey(
    request: Request, session: CurrentSession, _: AnyVisitor, supabase: SupabaseProject, __: Offered
) -> Response:
    """Add the passkey that the browser has created."""
    if ask := to_confirm(request, session, show_new_passkey):
        return ask
    form = await read_form(request, NewPasskey)
    errors, status = form.errors, 422
    if sent := form.data:
        try:
            await passkeys.finish_enrolment(
                supabase, _token(request, session), sent.name, sent.challenge, sent.credential
            )
            return see_other(request, show_passkeys, message="The passkey is added.")
        except AppError as error:
            errors, status = {"": error.detail}, error.status
    return page(
        request, "account/passkey_new.html", status=status, values=form.values, errors=errors
    )


@router.get("/account/passkeys/{passkey_id}/remove")
async def show_remove_passkey(
    request: Request, passkey_id: UUID, session: CurrentSession, _: AnyVisitor,
    supabase: SupabaseProject, __: Offered,
) -> Response:  # fmt: skip
    """Ask before a passkey is removed."""
    passkey = await _passkey(request, session, supabase, passkey_id)
    return page(request, "account/passkey_remove.html", passkey=passkey)


@router.post("/account/passkeys/{passkey_id}/remove")
async def remove_passkey(
    request: Request, passkey_id: UUID, session: CurrentSession, _: AnyVisitor,
    supabase: SupabaseProject, __: Offered,
) -> Response:  # fmt: skip
    """Remove a passkey."""
    passkey = await _passkey(request, session, supabase, passkey_id)
    if ask := to_confirm(request, session, show_passkeys):
        return ask
    try:
        await passkeys.remove(supabase, _token(request, session), passkey.id)
    except AppError as error:
        errors = {"": error.detail}
        return page(
            request,
            "account/passkey_remove.html",
            status=error.status,
            passkey=passkey,
            errors=errors,
        )
    return see_other(request, show_passkeys, message="The passkey is removed.")


@router.post("/account/sign-in/passkey/options")
async def begin_sign_in(request: Request, supabase: SupabaseProject, _: Offered) -> Response:
    """What the browser needs to use a passkey, for the script."""
    await attempts.PASSKEY.count(life.redis_of(request), *_counted(request))
    return JSONResponse(asdict(await passkeys.begin_sign_in(supabase)))


@router.post("/account/sign-in/passkey")
async def sign_in_by_passkey(
    request: Request,
    supabase: SupabaseProject,
    __: Offered,
    next: Next = "",  # noqa: A002
) -> Response:
    """Start a session with a passkey."""
    form = await read_form(request, UsedPasskey)
    if form.data is None:
        return await sign_in_form(request, next, errors={"": NO_ANSWER}, status=422)
    try:
        grant = await passkeys.finish_sign_in(supabase, form.data.challenge, form.data.credential)
        has_session = await life.begin(request, grant, "passkey")
    except AppError as error:
        return await sign_in_form(request, next, errors={"": error.detail}, status=error.status)
    await attempts.PASSKEY.reset(life.redis_of(request), *_counted(request))
    if not has_session:
        return to_second_step(request, next)
    return RedirectResponse(after_sign_in(request, "passkey", next), 303)


NO_ANSWER = "This browser did not use a passkey. Try again, or choose another way."


async def _passkey(
    request: Request, session: Session, supabase: SupabaseProject, passkey_id: UUID
) -> Passkey:
    for each in await passkeys.of_user(supabase, _token(request, session)):
        if each.id == str(passkey_id):
            return each
    raise NotFoundError("There is no such passkey.", code="passkey_not_found")


def _token(request: Request, session: Session) -> str:
    return session.tokens(browser_of(request)).access


def _counted(request: Request) -> tuple[str, str]:
    """Return the client's address twice: whose account it is shows only at the end."""
    address = life.client_address(request)
    return address, address
