"""What organizations have of billing: the customer with its subscriptions and invoices."""

from app.extensions.organizations.service.holdings import Holding

HOLDINGS = tuple(
    Holding(table, "holder_id")
    for table in ("billing_customers", "billing_subscriptions", "billing_invoices")
)
