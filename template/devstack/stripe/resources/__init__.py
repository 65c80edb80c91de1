"""The endpoints, one module per kind of object."""

from devstack.stripe.calls import Route
from devstack.stripe.resources import (
    checkout,
    customers,
    discounts,
    events,
    invoices,
    payment_methods,
    payments,
    prices,
    products,
    subscriptions,
    test_clocks,
)

ROUTES: list[Route] = [
    route
    for module in (
        checkout,
        customers,
        discounts,
        events,
        invoices,
        payment_methods,
        payments,
        prices,
        products,
        subscriptions,
        test_clocks,
    )
    for route in module.ROUTES
]
