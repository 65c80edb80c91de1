"""The page of an invoice, where an open one can be paid."""

from functools import partial
from html import escape
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devstack.stripe.billing import invoices
from devstack.stripe.billing.methods import add_method
from devstack.stripe.cards import BY_NAME, CARDS, Card
from devstack.stripe.pages.actions import perform
from devstack.stripe.pages.layout import money, page, rows
from devstack.stripe.services import Services, services
from devstack.stripe.store import Json


def _find(request: Request) -> Json | None:
    found = services(request).account.store.get(request.path_params["id"])
    return found if found and found["object"] == "invoice" and found["number"] else None


async def show(request: Request) -> Response:
    """Return the page."""
    invoice = _find(request)
    if invoice is None:
        return page("Invoice", "<p>There is no such invoice.</p>", status=404)
    return _page(invoice)


async def submit(request: Request) -> Response:
    """Pay the invoice with a test card."""
    found, invoice = services(request), _find(request)
    form = dict(parse_qsl((await request.body()).decode()))
    card = BY_NAME.get(form.get("card", ""))
    if invoice is None or card is None:
        return page("Invoice", "<p>There is no such invoice or card.</p>", status=404)
    error = perform(found, partial(_pay, found, invoice, card))
    return _page(invoice, str(error) if error else "", error.status if error else 200)


def _pay(found: Services, invoice: Json, card: Card) -> None:
    method = add_method(found.account, card)
    invoices.pay(found.account, invoice, method, off_session=False)


def _page(invoice: Json, error: str = "", status: int = 200) -> Response:
    currency = invoice["currency"]
    lines = [{**each, "amount_total": each["amount"]} for each in invoice["lines"]]
    body = (
        f"<p>{escape(invoice['number'])}, {escape(invoice['status'])}, for "
        f"{escape(invoice['customer_email'] or invoice['customer'])}</p>{rows(lines, currency)}"
        f"<p>Total {money(invoice['total'], currency)}, due "
        f"<strong>{money(invoice['amount_remaining'], currency)}</strong></p>"
    )
    if invoice["status"] == "open":
        options = "".join(
            f'<option value="{card.name}">{card.number}: {escape(card.title)}</option>'
            for card in CARDS
        )
        body += (
            f'<form method="post"><label>Card <select name="card">{options}</select></label>'
            "<button>Pay</button></form>"
        )
    return page(f"Invoice {invoice['number']}", body, error=error, status=status)


ROUTES = [
    Route("/invoices/{id}", show),
    Route("/invoices/{id}", submit, methods=["POST"]),
]
