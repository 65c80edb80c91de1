"""Flags on the admin site. The declarations in the code decide which there are."""

from typing import ClassVar

from sqladmin import expose
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core.database import database_of
from app.extensions.admin import audit
from app.extensions.admin.filters import InputFilter
from app.extensions.admin.views import Page, View
from app.extensions.flags.models import FlagOverride
from app.extensions.flags.service import changes
from app.extensions.flags.service.listing import list_flags


class FlagPage(Page):
    """Lists the flags, with forms that set their percentages and switch them off."""

    name = "Flags"
    icon = "fa-solid fa-toggle-on"

    @expose("/flags", methods=["GET"], identity="flags")
    async def show(self, request: Request) -> Response:
        """Show all flags."""
        context = {
            "title": self.name,
            "flags": await list_flags(database_of(request).reader),
            "may_change": self.may_change(request),
        }
        return await self.templates.TemplateResponse(request, "flags/admin.html", context)

    @expose("/flags/set", methods=["POST"], identity="flags-set")
    async def set_percentage(self, request: Request) -> Response:
        """Set the percentage of a flag; an empty one means the default."""
        self.require_change(request)
        form = await request.form()
        name, text = str(form.get("name", "")), str(form.get("percentage", "")).strip()
        percentage = changes.read_percentage(text) if text else None
        async with database_of(request).session() as session:
            _record(session, name, {"percentage": percentage, "killed": False})
            await changes.set_percentage(session, name, percentage)
        return RedirectResponse(request.url_for("admin:view-flags"), 303)

    @expose("/flags/off", methods=["POST"], identity="flags-off")
    async def switch_off(self, request: Request) -> Response:
        """Switch a flag off for everybody."""
        self.require_change(request)
        name = str((await request.form()).get("name", ""))
        async with database_of(request).session() as session:
            _record(session, name, {"killed": True})
            await changes.switch_off(session, name)
        return RedirectResponse(request.url_for("admin:view-flags"), 303)


def _record(session: AsyncSession, name: str, after: dict[str, object]) -> None:
    audit.record(session, "set", subject="flags", subject_id=name, after=after)


class FlagOverrideAdmin(View, model=FlagOverride):
    """Users and groups for whom a flag is different; `app flags set` changes them."""

    name = "Flag exception"
    name_plural = "Flag exceptions"
    icon = "fa-solid fa-user-gear"
    can_view_details = False  # its key has three columns
    column_list: ClassVar = ["name", "kind", "subject_id", "value", "updated_at"]
    column_default_sort: ClassVar = ("updated_at", True)
    column_filters: ClassVar = [InputFilter(FlagOverride.name)]
