"""The pages for people: checkout, portal, invoice, and the overview of the account."""

from devstack.stripe.pages import checkout, invoice, layout, overview, portal

ROUTES = [*layout.ROUTES, *checkout.ROUTES, *invoice.ROUTES, *overview.ROUTES, *portal.ROUTES]
