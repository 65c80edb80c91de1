"""Callers at a limit, on the admin site. Redis stores them, so they have a page, not a view."""

from uuid import UUID

from sqladmin import expose
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core.database import database_of
from app.core.errors import InvalidError, NotFoundError
from app.extensions.admin import audit
from app.extensions.admin.views import Page
from app.extensions.limits import service
from app.extensions.limits.service import Refused
from app.extensions.users.service import get_row

SHOWN = 50


class LimitPage(Page):
    """Lists the callers whose last request was refused, with a button that lifts the limit."""

    name = "Limits"
    icon = "fa-solid fa-gauge-high"

    @expose("/limits", methods=["GET"], identity="limits")
    async def show(self, request: Request) -> Response:
        """Show who is at a limit."""
        refused = await run_in_threadpool(service.list_refused)
        context = {
            "title": self.name,
            "refused": [(each, await _name(request, each)) for each in refused[:SHOWN]],
            "more": max(0, len(refused) - SHOWN),
            "may_change": self.may_change(request),
        }
        return await self.templates.TemplateResponse(request, "limits/admin.html", context)

    @expose("/limits/lift", methods=["POST"], identity="limits-lift")
    async def lift(self, request: Request) -> Response:
        """Let one caller in again at once."""
        self.require_change(request)
        key = str((await request.form()).get("key", ""))
        if key not in {each.key for each in await run_in_threadpool(service.list_refused)}:
            raise InvalidError("This caller is at no limit any more.", code="not_at_limit")
        async with database_of(request).session() as session:
            audit.record(session, "lift", subject="limits", subject_id=key)
            await session.commit()
        await run_in_threadpool(service.lift, key)
        return RedirectResponse(request.url_for("admin:view-limits"), 303)


async def _name(request: Request, refused: Refused) -> str:
    if refused.kind == "user":
        try:
            row = await get_row(database_of(request).reader, UUID(refused.caller))
        except NotFoundError:
            return refused.caller
        return row["email"] or refused.caller
    return refused.caller
