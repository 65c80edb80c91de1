"""The second step of a sign-in: the code of an authenticator app."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from app.core.errors import AppError
from app.extensions.account.pages.overview import show_account
from app.extensions.account.pages.password import show_password
from app.extensions.account.schemas import AppCode
from app.extensions.pages.addresses import address, path_of, safe_path
from app.extensions.pages.forms import read_form
from app.extensions.pages.rendering import page
from app.extensions.sessions.service import life, pending
from app.extensions.sessions.service.browser import browser_of
from app.extensions.sessions.service.pending import Pending

router = APIRouter()

Next = Annotated[str, Form()]


@router.get("/account/sign-in/code")
async def show_second_step(request: Request, next: str = "") -> Response:  # noqa: A002
    """The form, for a browser in which the first step is done."""
    held = await _held(request)
    return _form(request, held, next) if held else _start_again(request)


@router.post("/account/sign-in/code")
async def second_step(request: Request, next: Next = "") -> Response:  # noqa: A002
    """Start the session."""
    held = await _held(request)
    if held is None:
        return _start_again(request)
    form = await read_form(request, AppCode)
    errors, status = form.errors, 422
    if form.data:
        # Only an app that Auth has named: its id becomes a part of an address.
        known = {each.id: each for each in held.factors}
        app = known.get(form.data.app, held.factors[0])
        try:
            await life.finish(request, held, app, form.data.code)
            return RedirectResponse(after_sign_in(request, held.method, next), 303)
        except AppError as error:
            errors, status = {"": error.detail}, error.status
    return _form(request, held, next, form.values, errors, status)


def to_second_step(request: Request, next_path: str = "") -> Response:
    """Lead a browser to the second step, and to a page after it."""
    query = f"?{urlencode({'next': next_path})}" if next_path else ""
    return RedirectResponse(f"{address(request, show_second_step)}{query}", 303)


def after_sign_in(request: Request, method: str, next_path: str) -> str:
    """Return the path of the page after a sign-in."""
    there = show_password if method == "recovery" else show_account
    return safe_path(next_path, otherwise=address(request, there))


async def _held(request: Request) -> Pending | None:
    return await pending.get(life.redis_of(request), browser_of(request))


def _start_again(request: Request) -> Response:
    return RedirectResponse(path_of(request, "account:show_sign_in"), 303)


def _form(
    request: Request,
    held: Pending,
    next_path: str,
    values: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    return page(
        request,
        "account/second_step.html",
        status=status,
        apps=held.factors,
        next=next_path,
        values=values,
        errors=errors,
    )
