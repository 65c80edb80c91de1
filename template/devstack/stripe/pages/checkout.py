"""The page of a checkout session: pay with a test card, or go back."""

from html import escape
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from devstack.stripe.billing import checkout
from devstack.stripe.billing.discounts import coupon_of_code
from devstack.stripe.billing.methods import add_method
from devstack.stripe.billing.taxes import RATES, country_of
from devstack.stripe.cards import BY_NAME, CARDS
from devstack.stripe.errors import invalid
from devstack.stripe.pages.actions import perform
from devstack.stripe.pages.layout import money, page, rows
from devstack.stripe.services import Services, services
from devstack.stripe.store import Json

SAVED = "saved:"


async def show(request: Request) -> Response:
    """Return the page."""
    found = services(request)
    session = found.account.store.get(request.path_params["id"])
    if session is None or session["object"] != "checkout.session":
        return page("Checkout", "<p>There is no such session.</p>", status=404)
    return _page(found, session)


async def submit(request: Request) -> Response:
    """Pay, add a promotion code, or go back, and redirect to the application."""
    found = services(request)
    form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
    session = found.account.store.get(request.path_params["id"])
    if session is None or session["object"] != "checkout.session":
        return page("Checkout", "<p>There is no such session.</p>", status=404)
    if form.get("do") == "refuse":
        return _away(session, session["cancel_url"] or session["success_url"])

    def act() -> None:
        if form.get("do") == "code":
            _add_code(found, session, form.get("code", ""))
        else:
            _set_quantities(found, session, form)
            _pay(found, session, form)

    failure = perform(found, act)
    if failure is not None:
        return _page(found, session, str(failure), failure.status)
    if session["status"] == "complete":
        return _away(session, session["success_url"])
    return _page(found, session)


def _away(session: Json, url: str) -> Response:
    target = url.replace("{CHECKOUT_SESSION_ID}", session["id"])
    return RedirectResponse(target, status_code=303)


def _pay(found: Services, session: Json, form: dict[str, str]) -> None:
    method = _method(found, session, form.get("card", ""))
    payer = checkout.Payer(
        email=form.get("email") or None,
        country=form.get("country") or None,
        tax_id=form.get("tax_id") or None,
    )
    checkout.complete(found.account, session, method, payer)


def _method(found: Services, session: Json, choice: str) -> Json | None:
    """Return the chosen payment method, which a test card makes."""
    account = found.account
    if not checkout.needs_card(session):
        return None
    if choice.startswith(SAVED):
        saved = account.find("payment_method", choice.removeprefix(SAVED))
        if saved["customer"] != session["customer"]:
            raise invalid("This card belongs to another customer.")
        return saved
    if choice not in BY_NAME:
        raise invalid("Choose a card.")
    return add_method(account, BY_NAME[choice])


def _set_quantities(found: Services, session: Json, form: dict[str, str]) -> None:
    found.account.store.touch(session)
    for item in session["_line_items"]:
        value = form.get(f"quantity_{item['id']}", "")
        if item["_adjustable"] and value.isdigit() and int(value) > 0:
            item["quantity"] = int(value)
    checkout.set_amounts(found.account, session)


def _add_code(found: Services, session: Json, text: str) -> None:
    account = found.account
    for code in account.where("promotion_code", active=True):
        if code["code"].lower() == text.strip().lower() and session["allow_promotion_codes"]:
            coupon_of_code(account, code, session["customer"])
            account.change(session, {"discounts": [{"coupon": None, "promotion_code": code["id"]}]})
            checkout.set_amounts(account, session)
            return
    raise invalid("This code is invalid.", "code")


def _page(found: Services, session: Json, error: str = "", status: int = 200) -> Response:
    if session["status"] != "open":
        return page("Checkout", f"<p>This session is {session['status']}.</p>", status=410)
    currency = session["currency"]
    items = rows(session["_line_items"], currency)
    total = money(session["amount_total"], currency)
    off = session["total_details"]["amount_discount"]
    tax = session["total_details"]["amount_tax"]
    parts = [items, f"<p>Total <strong>{total}</strong>"]
    parts.append(f", discount {money(off, currency)}" if off else "")
    parts.append(f", of which tax {money(tax, currency)}" if tax else "")
    parts.append("</p>")
    if session["mode"] == "subscription":
        parts.append(_renewal(found, session))
    if session["allow_promotion_codes"]:
        parts.append(
            '<form method="post"><label>Promotion code <input name="code" required></label>'
            '<button class="quiet" name="do" value="code">Apply</button></form>'
        )
    parts.append(_form(found, session))
    return page("Checkout", "".join(parts), error=error, status=status)


def _renewal(found: Services, session: Json) -> str:
    price = found.account.find("price", session["_line_items"][0]["price"])
    recurring = price["recurring"] or {"interval": "period", "interval_count": 1}
    days = session["_trial_days"]
    trial = f" Nothing is charged for {days} days." if days else ""
    if session["_trial_end"]:
        trial = " Nothing is charged during the trial."
    count = recurring["interval_count"]
    every = recurring["interval"] if count == 1 else f"{count} {recurring['interval']}s"
    return f"<p>The subscription renews each {escape(every)}.{trial}</p>"


def _form(found: Services, session: Json) -> str:
    account = found.account
    saved = account.where("payment_method", customer=session["customer"] or "")
    options = [
        f'<option value="{SAVED}{each["id"]}">Saved {escape(each["card"]["brand"])} that ends in '
        f"{each['card']['last4']}</option>"
        for each in saved
    ]
    options += [
        f'<option value="{card.name}">{card.number}: {escape(card.title)}</option>'
        for card in CARDS
    ]
    fields = [
        f'<label>Quantity of {escape(str(item["description"]))} <input type="number" min="1" '
        f'name="quantity_{item["id"]}" value="{item["quantity"]}"></label>'
        for item in session["_line_items"]
        if item["_adjustable"]
    ]
    if session["customer"] is None:
        value = escape(session["customer_email"] or "")
        fields.append(
            f'<label>E-mail <input type="email" name="email" value="{value}" required></label>'
        )
    if session["automatic_tax"]["enabled"]:
        fields.append(_country(found, session))
    if session["tax_id_collection"]["enabled"]:
        fields.append(
            '<label>Tax id of the European Union, for firms <input name="tax_id"></label>'
        )
    if checkout.needs_card(session):
        fields.append(f'<label>Card <select name="card">{"".join(options)}</select></label>')
    word = "Subscribe" if session["mode"] == "subscription" else "Pay"
    return (
        f'<form method="post">{"".join(fields)}'
        f'<button name="do" value="pay">{word}</button>'
        '<button class="quiet" name="do" value="refuse" formnovalidate>Go back without paying'
        "</button></form>"
    )


def _country(found: Services, session: Json) -> str:
    customer = found.account.store.get(session["customer"])
    known = (country_of(customer) if customer else None) or "US"
    options = "".join(
        f"<option{' selected' if each == known else ''}>{each}</option>"
        for each in sorted({*RATES, "US", known})
    )
    return f'<label>Country, for the tax <select name="country">{options}</select></label>'


ROUTES = [
    Route("/checkout/{id}", show),
    Route("/checkout/{id}", submit, methods=["POST"]),
]
