"""Schedules on the admin site. Redis stores them, so they have a page instead of a view."""

from sqladmin import expose
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core.database import database_of
from app.core.errors import InvalidError
from app.core.tasks import enqueue
from app.extensions.admin import audit
from app.extensions.admin.views import Page
from app.extensions.schedules import service


class SchedulePage(Page):
    """Lists the schedules, with buttons to pause and resume them and to run them now."""

    name = "Schedules"
    icon = "fa-solid fa-clock"

    @expose("/schedules", methods=["GET"], identity="schedules")
    async def show(self, request: Request) -> Response:
        """Show all schedules."""
        context = {
            "title": self.name,
            "schedules": await run_in_threadpool(service.list_schedules),
            "may_change": self.may_change(request),
        }
        return await self.templates.TemplateResponse(request, "schedules/admin.html", context)

    @expose("/schedules/change", methods=["POST"], identity="schedules-change")
    async def change(self, request: Request) -> Response:
        """Pause, resume or run one schedule."""
        self.require_change(request)
        form = await request.form()
        name, change = str(form.get("name", "")), str(form.get("do", ""))
        async with database_of(request).session() as session:
            match change:
                case "pause":
                    await run_in_threadpool(service.pause, name)
                case "resume":
                    await run_in_threadpool(service.resume, name)
                case "run_now":
                    enqueue(session, await run_in_threadpool(service.call_of, name))
                case _:
                    raise InvalidError("Choose to pause, resume or run a schedule.")
            audit.record(session, change, subject="schedules", subject_id=name)
            await session.commit()
        return RedirectResponse(request.url_for("admin:view-schedules"), 303)
