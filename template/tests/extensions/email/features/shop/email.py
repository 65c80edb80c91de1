"""Mails of the shop."""

from typing import ClassVar

from pydantic import Field, HttpUrl

from app.extensions.email.schemas import PRODUCT, Category, Mail

REPORTS = Category("reports", "Weekly reports", on_by_default=False)


class OrderShipped(Mail):
    """Tells that an order is on its way."""

    name: str = Field(examples=["Ada"])
    link: HttpUrl = Field(examples=["https://shop.example.com/orders/4711"])
    items: list[str] = Field(default_factory=list, examples=[["One <b>", "Two"]])


class News(Mail):
    """News, which one can switch off."""

    category: ClassVar = PRODUCT

    headline: str = Field(examples=["A new version"])


class Report(News):
    """A report, which one must switch on."""

    category: ClassVar = REPORTS
