"""Personal data in the tables of billing.

All of it belongs to the account that moves real money. A copy has a test key, for which these
customers and subscriptions do not exist.
"""

from app.core.personal_data import OMITTED

TABLES = {
    "billing_customers": OMITTED,
    "billing_subscriptions": OMITTED,
    "billing_invoices": OMITTED,
    "billing_lines": OMITTED,
    "billing_events": OMITTED,
}
