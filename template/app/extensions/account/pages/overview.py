"""The account: who I am, and where I have signed in."""

import re
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from app.core.database import DatabaseSession
from app.core.features import load
from app.core.supabase.clients import supabase_of
from app.extensions.account.schemas import Profile
from app.extensions.pages.forms import read_form, see_other
from app.extensions.pages.rendering import page
from app.extensions.pages.visitors import AnyVisitor, CurrentSession
from app.extensions.sessions.service import life, passkeys, store
from app.extensions.sessions.service.store import Session
from app.extensions.users import service as users
from app.extensions.users.schemas import UserRead

router = APIRouter()

# A browser names others as well, so the first match counts.
BROWSERS = ("Edg", "OPR", "Firefox", "Chrome", "Safari")
SYSTEMS = ("Windows", "Android", "iPhone", "iPad", "Mac OS X", "Linux")
SPOKEN = {"Edg": "Edge", "OPR": "Opera", "Mac OS X": "macOS"}


@router.get("/account")
async def show_account(request: Request, session: CurrentSession, user: AnyVisitor) -> Response:
    """The account and its sessions."""
    values = {"display_name": user.display_name}
    return await _overview(request, session, user, values, {}, 200)


@router.post("/account/profile")
async def save_profile(
    request: Request, session: CurrentSession, user: AnyVisitor, database: DatabaseSession
) -> Response:
    """Change the name."""
    form = await read_form(request, Profile)
    if form.data is None:
        return await _overview(request, session, user, form.values, form.errors, 422)
    await users.update_profile(database, user.id, form.data.model_dump())
    return see_other(request, show_account, message="Your profile is saved.")


@router.post("/account/sessions/end")
async def end_session(
    request: Request, session: CurrentSession, number: Annotated[str, Form(max_length=64)]
) -> Response:
    """End the session of another browser of mine."""
    redis = life.redis_of(request)
    mine = [each for each, _ in await store.of_user(redis, session.user_id)]
    await store.end(redis, *(each for each in mine if _number(each.key) == number))
    return see_other(request, show_account, message="That browser is signed out.")


def describe(agent: str) -> str:
    """Name browser and system of a header User-Agent: "Firefox on Linux"."""
    found = [
        next((name for name in names if re.search(rf"\b{name}\b", agent)), "")
        for names in (BROWSERS, SYSTEMS)
    ]
    spoken = [SPOKEN.get(name, name) for name in found if name]
    return " on ".join(spoken) or "Unknown browser"


async def _overview(
    request: Request,
    session: Session,
    user: UserRead,
    values: dict[str, str | None],
    errors: dict[str, str],
    status: int,
) -> Response:
    sessions = [
        {
            "number": _number(each.key),
            "browser": describe(each.agent),
            "address": each.address,
            "used": datetime.fromtimestamp(used, UTC),
            "is_this": each.key == session.key,
        }
        for each, used in await store.of_user(life.redis_of(request), user.id)
    ]
    return page(
        request,
        "account/overview.html",
        status=status,
        user=user,
        sessions=sessions,
        passkeys=await passkeys.are_offered(supabase_of(request)),
        links=_links(),
        values=values,
        errors=errors,
    )


def _links() -> dict[str, tuple[str, str]]:
    """Return the links that features add: `ACCOUNT` of their `pages.py`.

    ACCOUNT = {"Addresses": ("parcels:show_addresses", "Where your parcels go.")}
    """
    found: dict[str, tuple[str, str]] = {}
    for _, module in load("pages"):
        found |= getattr(module, "ACCOUNT", {})
    return found


def _number(key: str) -> str:
    return key[:16]
