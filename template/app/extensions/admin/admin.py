"""What the site shows of itself: the audit log, as whom one acts, and how the backend is."""

import platform
from typing import ClassVar

from sqladmin import expose
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core.database import Database
from app.core.migrations.state import pending
from app.core.settings import get_settings
from app.extensions.admin import act_as
from app.extensions.admin.access import Access
from app.extensions.admin.cards import Card, Row
from app.extensions.admin.filters import InputFilter, day_range
from app.extensions.admin.models import AuditEntry
from app.extensions.admin.views import Page, View


class AuditAdmin(View, model=AuditEntry):
    """Who did what: nobody changes it here."""

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


class ActingPage(Page):
    """As whom the signed-in admin acts, and how."""

    name = "Acting"
    access: ClassVar = Access(see=frozenset({"admin"}))

    def is_visible(self, request: Request) -> bool:  # noqa: ARG002 - the signature is SQLAdmin's
        """It is reached from a user's page and from the banner."""
        return False

    @expose("/acting", methods=["GET"], identity="acting")
    async def show(self, request: Request) -> Response:
        """The token, and what can be done with it."""
        acting = act_as.acting(request)
        context = {
            "title": "Acting as a user",
            "token": act_as.token(request.state.session) if acting else None,
            "api": f"{str(request.url_for('admin:index')).removesuffix('/admin/')}"
            f"{get_settings().api_prefix}/users/me",
        }
        return await self.templates.TemplateResponse(request, "admin/acting.html", context)

    @expose("/acting/end", methods=["POST"], identity="acting-end")
    async def end(self, request: Request) -> Response:
        """End it."""
        async with request.app.state.database.session() as session:
            await act_as.stop(request, session)
        return RedirectResponse(request.url_for("admin:index"), 303)


async def cards(request: Request) -> list[Card]:
    """Whether the backend is as it should be, and what it runs on."""
    database: Database = request.app.state.database
    missing = await database.reader.run(pending)
    server = await database.reader.rows(text("SHOW server_version"))
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
                    f"behind: {', '.join(missing)}" if missing else "at head",
                    tone="red" if missing else "green",
                ),
                Row("Python", platform.python_version()),
                Row("Postgres", server[0]["server_version"]),
                Row("Valkey" if "valkey_version" in redis else "Redis", version),
            ],
        )
    ]
