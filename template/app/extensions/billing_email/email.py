"""The mails of this feature. They are about money that is owed, so nobody can switch them off."""

from pydantic import Field, HttpUrl

from app.extensions.email.schemas import Mail


class PaymentFailed(Mail):
    """Tells that a payment has failed, and when it is tried again."""

    amount: str = Field(examples=["19.00 EUR"])
    next_attempt: str | None = Field(default=None, examples=["2026-12-04"])
    link: HttpUrl = Field(examples=["https://invoice.stripe.com/i/acct_1/test_abc"])


class PlanEnded(Mail):
    """Tells that a subscription has ended because it was not paid."""

    plan: str = Field(examples=["Pro"])
    link: HttpUrl = Field(examples=["https://example.com/billing"])
