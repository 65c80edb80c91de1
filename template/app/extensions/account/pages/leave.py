"""Take my data with me, and delete my account."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic_core import to_json
from starlette.responses import Response

from app.core.database import DatabaseSession
from app.core.errors import AppError
from app.core.features import load
from app.core.supabase.clients import SupabaseProject
from app.extensions.account.pages.sign_in import show_sign_in
from app.extensions.pages.forms import see_other
from app.extensions.pages.rendering import page
from app.extensions.pages.visitors import AnyVisitor, CurrentSession, to_confirm
from app.extensions.sessions.service import life
from app.extensions.users import service as users

router = APIRouter()


@router.get("/account/export")
async def export(
    request: Request, session: CurrentSession, user: AnyVisitor, database: DatabaseSession
) -> Response:
    """Everything that the features have of the visitor, as a JSON file to keep."""
    if ask := to_confirm(request, session, show_delete):
        return ask
    found: dict[str, Any] = {}
    for feature, module in load("account"):
        found[feature.name] = await module.export(database, user.id)
    headers = {
        "Content-Disposition": 'attachment; filename="account.json"',
        "Cache-Control": "no-store",
    }
    return Response(to_json(found, indent=2), media_type="application/json", headers=headers)


@router.get("/account/delete")
async def show_delete(request: Request, session: CurrentSession, _: AnyVisitor) -> Response:
    """What is deleted, the export, and the button."""
    if ask := to_confirm(request, session, show_delete):
        return ask
    return page(request, "account/delete.html")


@router.post("/account/delete")
async def delete(
    request: Request,
    session: CurrentSession,
    user: AnyVisitor,
    database: DatabaseSession,
    supabase: SupabaseProject,
) -> Response:
    """Delete the account, and sign out everywhere."""
    if ask := to_confirm(request, session, show_delete):
        return ask
    try:
        await users.delete_account(database, supabase, user.id)
    except AppError as error:
        return page(request, "account/delete.html", status=error.status, errors={"": error.detail})
    await life.forget(request, session)
    response = see_other(request, show_sign_in, message="Your account is deleted.")
    response.headers["Clear-Site-Data"] = '"cache"'
    return response
