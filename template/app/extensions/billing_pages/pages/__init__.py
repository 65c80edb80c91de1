"""`/pricing` and `/billing`: what people see of plans, payments and invoices."""

from fastapi import APIRouter, Request

from app.extensions.billing_pages.pages import change, checkout, overview, pricing
from app.extensions.pages.addresses import address

NAVIGATION = {"Pricing": "billing_pages:show_pricing", "Billing": "billing_pages:show_billing"}

router = APIRouter()
for module in (change, checkout, overview, pricing):
    router.routes.extend(module.router.routes)


async def sitemap(request: Request) -> list[str]:
    """Return the public pages."""
    return [address(request, pricing.show_pricing)]
