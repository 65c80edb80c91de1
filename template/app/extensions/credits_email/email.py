"""The mails of this feature."""

from typing import ClassVar

from pydantic import BaseModel, Field

from app.extensions.email.schemas import Category, Mail

BALANCE = Category("credits_balance", "A low balance of credits", on_by_default=False)
REPORT = Category("credits_report", "A weekly report on credits", on_by_default=False)


class UsageLine(BaseModel):
    """The credits of one kind and operation."""

    kind: str
    operation: str | None
    amount: int


class LowBalance(Mail):
    """Tells that few credits are left."""

    category: ClassVar = BALANCE

    balance: int = Field(examples=[12])


class UsageReport(Mail):
    """Sums up the credits of a week."""

    category: ClassVar = REPORT

    balance: int = Field(examples=[412])
    lines: list[UsageLine] = Field(
        examples=[[{"kind": "deduction", "operation": "docs.embed", "amount": -88}]]
    )
