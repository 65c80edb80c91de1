"""What recipients want: for signed-in users, and for the links at the end of mails."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader

from app.core.database import DatabaseSession
from app.core.errors import AppError, ConflictError
from app.core.settings import get_settings, load_settings
from app.extensions.email import recipients
from app.extensions.email.schemas import PreferenceRead, PreferenceUpdate
from app.extensions.email.settings import EmailSettings
from app.extensions.email.signing import read_token
from app.extensions.users.deps import CurrentUser
from app.extensions.users.schemas import UserRead

# The page has a style and a form, and nothing else.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

FORM = "application/x-www-form-urlencoded"

router = APIRouter()
templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True
)


class FormRequiredError(AppError):
    """The body of a request is not what a form sends."""

    status = 415
    code = "form_required"


@router.get("/preferences", summary="Read which mails you get")
async def list_preferences(user: CurrentUser, session: DatabaseSession) -> list[PreferenceRead]:
    """The categories of mails that you can switch off."""
    return await recipients.preferences(session, _address(user))


@router.put("/preferences/{category}", summary="Choose whether you get mails of a category")
async def update_preference(
    user: CurrentUser, category: str, change: PreferenceUpdate, session: DatabaseSession
) -> list[PreferenceRead]:
    """Switch a category on or off."""
    address = _address(user)
    await recipients.set_preference(session, address, category, wanted=change.wanted)
    await session.commit()
    return await recipients.preferences(session, address)


def _address(user: UserRead) -> str:
    if not user.email:
        raise ConflictError("This account has no address.", code="no_address")
    return user.email


# --- Links in mails ---------------------------------------------------------------------------


@router.get("/unsubscribe/{token}", include_in_schema=False)
async def page(token: str, session: DatabaseSession, saved: str = "") -> HTMLResponse:
    """Show the preferences. It changes nothing, because scanners of mails open every link."""
    address, category = read_token(token)
    values: dict[str, Any] = {
        "project_name": get_settings().project_name,
        "color": load_settings(EmailSettings).color,
        "address": address,
        "category": category,
        "choices": await recipients.preferences(session, address),
        "saved": saved == "true",
        "path": f"{get_settings().api_prefix}/email/unsubscribe/{token}/preferences",
    }
    html = templates.get_template("preferences.html").render(values)
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(html, headers=headers)


@router.post("/unsubscribe/{token}", include_in_schema=False)
async def unsubscribe(token: str, session: DatabaseSession) -> Response:
    """Switch the category of a mail off; mail programs call it (RFC 8058)."""
    address, category = read_token(token)
    await recipients.unsubscribe(session, address, category)
    await session.commit()
    return Response(status_code=200)


@router.post("/unsubscribe/{token}/preferences", include_in_schema=False)
async def save(token: str, request: Request, session: DatabaseSession) -> RedirectResponse:
    """Save the form of the page: the categories that are ticked.

    Raises:
        NotFoundError: `link_not_valid`.
        FormRequiredError: the body is something else, in which no category would be ticked.
    """
    address, _ = read_token(token)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise FormRequiredError(f"Send the preferences as {FORM}.")
    wanted = parse_qs((await request.body()).decode("utf-8", "replace")).get("wanted", [])
    await recipients.choose(session, address, wanted)
    await session.commit()
    return RedirectResponse(
        f"{get_settings().api_prefix}/email/unsubscribe/{token}?saved=true", 303
    )
