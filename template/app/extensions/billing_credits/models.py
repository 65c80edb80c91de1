"""The table: which credits an invoice has brought, and which of them were taken back."""

from typing import TYPE_CHECKING, cast
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.orm import class_mapper
from sqlmodel import Field

from app.core.database.models import Model

if TYPE_CHECKING:
    from sqlalchemy import Table


class InvoiceCredits(Model, table=True):
    """The credits of a paid invoice."""

    __tablename__ = "billing_credits_invoices"
    __table_args__ = (
        CheckConstraint("granted >= 0", name="granted"),
        CheckConstraint("due BETWEEN 0 AND granted", name="due"),
        CheckConstraint("taken BETWEEN 0 AND due", name="taken"),
        CheckConstraint("owed >= 0", name="owed"),
        Index(
            "ix_billing_credits_invoices_owed",
            "holder_id",
            postgresql_where=text("owed > 0"),
        ),
    )

    # The id that billing gives the invoice. No foreign key, because the other feature owns it.
    invoice_id: UUID = Field(primary_key=True)
    holder_id: UUID
    granted: int = Field(sa_type=BigInteger)  # the sum of its lines
    due: int = Field(default=0, sa_type=BigInteger)  # the part of the payment that went back
    taken: int = Field(default=0, sa_type=BigInteger)  # of it; the rest was spent before
    # Of unused time, whose price was credited although its credits were spent before. Later
    # invoices of plans bring less until it is 0.
    owed: int = Field(default=0, sa_type=BigInteger)


invoice_credits = cast("Table", class_mapper(InvoiceCredits).local_table)
