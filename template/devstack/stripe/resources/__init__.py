"""The endpoints, one module per kind of object."""

from devstack.stripe.calls import Route
from devstack.stripe.resources import (
    checkout,
    customers,
    discounts,
    disputes,
    events,
    invoice_items,
    invoices,
    payment_methods,
    payments,
    portal,
    previews,
    prices,
    products,
    refunds,
    subscription_items,
    subscriptions,
    test_clocks,
)

MODULES = (
    checkout,
    customers,
    discounts,
    disputes,
    events,
    invoice_items,
    invoices,
    payment_methods,
    payments,
    portal,
    previews,
    prices,
    products,
    refunds,
    subscription_items,
    subscriptions,
    test_clocks,
)
# Fixed paths come before those with an id.
ROUTES: list[Route] = sorted(
    (route for module in MODULES for route in module.ROUTES),
    key=lambda route: route.path.count("{}"),
)
