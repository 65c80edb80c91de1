"""Organizations on the admin site: visits, and to which one an entry of the audit log belongs."""

from typing import ClassVar
from uuid import UUID

from sqladmin import expose
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core.database import database_of
from app.extensions.admin import audit
from app.extensions.admin.access import Access
from app.extensions.admin.actions import action
from app.extensions.admin.admin import AuditAdmin
from app.extensions.admin.filters import day_range
from app.extensions.admin.views import Page, View
from app.extensions.organizations_admin import service
from app.extensions.organizations_admin.models import Visit

# Without a reason a visit changes nothing, so the role support may open one as well.
TEAM = Access(change=frozenset({"admin", "support"}))

# The site makes its views after all modules are loaded.
AuditAdmin.links = {**AuditAdmin.links, "belongs_to": "organizations"}
AuditAdmin.column_list = [*AuditAdmin.column_list, "belongs_to"]
AuditAdmin.column_labels = {"belongs_to": "Organization"}


class VisitPage(Page):
    """Opens an organization to the signed-in person."""

    name = "Visit an organization"
    icon = "fa-solid fa-door-open"
    access: ClassVar = TEAM

    @expose("/visit", methods=["GET"], identity="visit-start")
    async def show(self, request: Request) -> Response:
        """Show the form."""
        values = {"title": self.name, "slug": request.query_params.get("slug", "")}
        page = "organizations_admin/admin.html"
        return await self.templates.TemplateResponse(request, page, values)

    @expose("/visit", methods=["POST"], identity="visit-open")
    async def open(self, request: Request) -> Response:
        """Open the organization, and show the visit."""
        self.require_change(request)
        form = await request.form()
        slug, reason = (str(form.get(name, "")).strip()[:500] for name in ("slug", "reason"))
        async with database_of(request).session() as session:
            visit = await service.start(session, request.state.actor, slug, reason or None)
            with audit.named_action("visit", visit.reason):
                place = visit.organization_id
                audit.record(session, "visit", subject="organizations", subject_id=place)
            await session.commit()
        url = request.url_for("admin:details", identity="visit", pk=str(visit.id))
        return RedirectResponse(url, 303)


class VisitAdmin(View, model=Visit):
    """Who of the support team has opened which organization, and why."""

    icon = "fa-solid fa-shoe-prints"
    title_column = "visitor_email"
    access: ClassVar = TEAM
    column_list: ClassVar = [
        "organization_id",
        "visitor_id",
        "reason",
        "created_at",
        "expires_at",
    ]
    column_details_list = "__all__"
    column_searchable_list: ClassVar = ["visitor_email", "reason"]
    column_default_sort: ClassVar = ("created_at", True)
    column_filters: ClassVar = [*day_range(Visit.created_at)]

    @action("End", "End these visits now?")
    async def end(self, _: Request, session: AsyncSession, visit_id: UUID) -> None:
        """End a visit before its time."""
        await service.end(session, visit_id)
