"""Mails on the admin site: what was sent, what failed and why, and who must not be mailed."""

from typing import ClassVar
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request

from app.extensions.admin import audit
from app.extensions.admin.actions import action
from app.extensions.admin.cards import Card, state_card
from app.extensions.admin.filters import EnumFilter, InputFilter, day_range
from app.extensions.admin.views import View
from app.extensions.email import recipients, service
from app.extensions.email.models import MailRecord, MailState, Reason, Suppression


class MailAdmin(View, model=MailRecord):
    """The records of mails; those that failed have the words of the server."""

    name = "Mail"
    icon = "fa-solid fa-envelope"
    title_column = "name"
    column_list: ClassVar = [
        "name",
        "recipients",
        "state",
        "attempts",
        "error",
        "created_at",
        "sent_at",
    ]
    # Without `data`, which has codes and links that sign in.
    column_details_list: ClassVar = [
        *column_list,
        "category",
        "outcomes",
        "idempotency_key",
        "provider_id",
    ]
    column_searchable_list: ClassVar = ["name", "recipients", "error"]
    column_sortable_list: ClassVar = ["created_at", "sent_at"]
    column_default_sort: ClassVar = ("created_at", True)
    column_filters: ClassVar = [
        EnumFilter(MailRecord.state, MailState),
        InputFilter(MailRecord.name),
        *day_range(MailRecord.created_at),
    ]

    @action("Send again", "Send these mails again to those who do not have them yet?")
    async def retry(self, _: Request, session: AsyncSession, mail_id: UUID) -> None:
        """Send a mail again that has failed."""
        await service.retry(session, mail_id)


class SuppressionAdmin(View, model=Suppression):
    """Addresses that are not mailed any more."""

    name = "Suppressed address"
    name_plural = "Suppressed addresses"
    icon = "fa-solid fa-ban"
    title_column = "address"
    column_list: ClassVar = ["address", "reason", "details", "created_at"]
    column_details_list = "__all__"
    column_searchable_list: ClassVar = ["address", "details"]
    column_default_sort: ClassVar = ("created_at", True)
    column_filters: ClassVar = [EnumFilter(Suppression.reason, Reason)]

    @action("Release", "Mail these addresses again?", reason=True)
    async def release(self, _: Request, session: AsyncSession, address: str) -> None:
        """Mail an address again."""
        await recipients.release(session, address)
        # A statement deletes the row, which the audit log does not notice.
        audit.record(session, "release", subject="email_suppressions", subject_id=address)
        await session.commit()


async def cards(request: Request) -> list[Card]:
    """Mails by state."""
    return [
        await state_card(
            request,
            "Mails",
            MailRecord.state,
            identity="mail-record",
            alert=MailState.FAILED,
            color="red",
        )
    ]
