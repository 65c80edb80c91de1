"""The site's own views: the audit log, the impersonation, and the state of the backend."""

import platform
from typing import ClassVar

from sqladmin import expose
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core.database import database_of
from app.core.migrations.state import pending
from app.core.settings import get_settings
from app.extensions.admin import impersonation
from app.extensions.admin.access import ADMINS_ONLY, Access
from app.extensions.admin.cards import Card, Row
from app.extensions.admin.filters import InputFilter, day_range
from app.extensions.admin.models import AuditEntry
from app.extensions.admin.views import Page, View


class AuditAdmin(View, model=AuditEntry):
    """The audit log; no role can change it."""

    name = "Entry"
    name_plural = "Audit log"
    icon = "fa-solid fa-clipboard-list"
    access: ClassVar = Access(change=frozenset())
    title_column = "action"
    links: ClassVar = {"actor_id": "users"}
    column_list: ClassVar = [
        "created_at",
        "actor_id",
        "action",
        "subject",
        "subject_id",
        "reason",
    ]
    column_details_list = "__all__"
    column_searchable_list: ClassVar = ["actor_email", "action", "subject_id"]
    column_sortable_list: ClassVar = ["created_at"]
    column_default_sort: ClassVar = ("created_at", True)
    column_filters: ClassVar = [
        InputFilter(AuditEntry.subject_id),
        *day_range(AuditEntry.created_at),
    ]


class ImpersonationPage(Page):
    """The current impersonation of the signed-in admin, with its token."""

    name = "Acting"
    access: ClassVar = ADMINS_ONLY

    def is_visible(self, request: Request) -> bool:  # noqa: ARG002 - SQLAdmin defines the signature
        """The menu does not list it: a user's page and the banner link to it."""
        return False

    @expose("/acting", methods=["GET"], identity="acting")
    async def show(self, request: Request) -> Response:
        """Show the token and how to use it."""
        site = str(request.url_for("admin:index"))
        context = {
            "title": "Acting as a user",
            "token": impersonation.issue_token(request),
            "api": f"{site.removesuffix('/admin/')}{get_settings().api_prefix}/users/me",
        }
        return await self.templates.TemplateResponse(request, "admin/impersonation.html", context)

    @expose("/acting/end", methods=["POST"], identity="acting-end")
    async def end(self, request: Request) -> Response:
        """End the impersonation."""
        async with database_of(request).session() as session:
            await impersonation.stop(request, session)
        return RedirectResponse(request.url_for("admin:index"), 303)


async def cards(request: Request) -> list[Card]:
    """Show the versions that the backend runs on, and whether migrations are pending."""
    reader = database_of(request).reader
    missing = await reader.run(pending)
    server = await reader.rows(text("SHOW server_version"))
    redis = await request.app.state.redis.info("server")
    settings = get_settings()
    version = redis.get("valkey_version") or redis["redis_version"]
    return [
        Card(
            "Backend",
            [
                Row("Environment", settings.environment),
                Row("Release", settings.app_version),
                Row(
                    "Migrations",
                    f"pending: {', '.join(missing)}" if missing else "at head",
                    color="red" if missing else "green",
                ),
                Row("Python", platform.python_version()),
                Row("Postgres", server[0]["server_version"]),
                Row("Valkey" if "valkey_version" in redis else "Redis", version),
            ],
        )
    ]
