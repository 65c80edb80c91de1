"""The billing portal: plan, cancellation, card and invoices of a customer."""

from functools import partial
from html import escape
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from devstack.stripe.billing import changes, subscriptions
from devstack.stripe.billing.changes import Change
from devstack.stripe.billing.items import end_of_period
from devstack.stripe.billing.lines import product_name
from devstack.stripe.billing.methods import add_method, attach
from devstack.stripe.cards import BY_NAME, CARDS
from devstack.stripe.errors import invalid
from devstack.stripe.pages.actions import perform
from devstack.stripe.pages.layout import money, page
from devstack.stripe.pages.times import day
from devstack.stripe.services import Services, services
from devstack.stripe.store import Json

Form = dict[str, str]
GONE = "<p>This link is not valid.</p>"


def _session(request: Request) -> Json | None:
    account = services(request).account
    for each in account.where("billing_portal.session"):
        if each["url"].endswith(f"/portal/{request.path_params['token']}"):
            return each
    return None


async def show(request: Request) -> Response:
    """Return the page."""
    session = _session(request)
    if session is None:
        return page("Billing portal", GONE, status=404)
    return _page(services(request), session)


async def submit(request: Request) -> Response:
    """Do what a button says."""
    found, session = services(request), _session(request)
    if session is None:
        return page("Billing portal", GONE, status=404)
    form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
    action = ACTIONS.get(form.get("do", ""))
    if action is None:
        return _page(found, session, "There is no such button.", 400)
    error = perform(found, partial(action, found, session, form))
    if error is not None:
        return _page(found, session, str(error), error.status)
    after = (session["flow"] or {}).get("after_completion") or {}
    if after.get("redirect"):
        return RedirectResponse(after["redirect"]["return_url"], status_code=303)
    # A reload of the page must not repeat what was done.
    return RedirectResponse(request.url.path, status_code=303)


def _subscription(found: Services, session: Json, form: Form) -> Json:
    subscription = found.account.find("subscription", form.get("subscription"))
    if subscription["customer"] != session["customer"]:
        raise invalid("This subscription belongs to another customer.")
    return subscription


def _features(found: Services, session: Json) -> Json:
    configuration = found.account.find("billing_portal.configuration", session["configuration"])
    features: Json = configuration["features"]
    return features


def _change_plan(found: Services, session: Json, form: Form) -> None:
    account = found.account
    subscription = _subscription(found, session, form)
    if form.get("price") not in {each["id"] for each in _offered(found, session, subscription)}:
        raise invalid("This price is not offered.")
    items = [dict(each) for each in subscription["items"]]
    items[0]["price"] = form["price"]
    if form.get("quantity", "").isdigit():
        items[0]["quantity"] = max(1, int(form["quantity"]))
    behavior = _features(found, session)["subscription_update"]["proration_behavior"]
    changes.apply(account, subscription, Change(items=items, proration=behavior, must_pay=True))


def _cancel(found: Services, session: Json, form: Form) -> None:
    account = found.account
    subscription = _subscription(found, session, form)
    if _features(found, session)["subscription_cancel"]["mode"] == "immediately":
        subscriptions.cancel(account, subscription)
        return
    account.change(
        subscription,
        {
            **subscriptions.end_at_period_end(subscription),
            "canceled_at": account.now(subscription["test_clock"]),
            "cancellation_details": {
                **subscription["cancellation_details"],
                "reason": "cancellation_requested",
            },
        },
        "customer.subscription.updated",
    )


def _keep(found: Services, session: Json, form: Form) -> None:
    subscription = _subscription(found, session, form)
    found.account.change(
        subscription,
        {
            "cancel_at_period_end": False,
            "cancel_at": None,
            "canceled_at": None,
            "cancellation_details": dict(subscriptions.NO_CANCELLATION),
        },
        "customer.subscription.updated",
    )


def _set_card(found: Services, session: Json, form: Form) -> None:
    """Store a card, and use it for everything from now on."""
    account = found.account
    card = BY_NAME.get(form.get("card", ""))
    if card is None:
        raise invalid("Choose a card.")
    customer = account.find("customer", session["customer"])
    method = attach(account, add_method(account, card), customer)
    settings = {**customer["invoice_settings"], "default_payment_method": method["id"]}
    account.change(customer, {"invoice_settings": settings}, "customer.updated")
    for each in account.where("subscription", customer=customer["id"]):
        if each["ended_at"] is None and each["default_payment_method"] is not None:
            account.change(
                each, {"default_payment_method": method["id"]}, "customer.subscription.updated"
            )


ACTIONS = {"plan": _change_plan, "cancel": _cancel, "keep": _keep, "card": _set_card}


def _offered(found: Services, session: Json, subscription: Json) -> list[Json]:
    """Return the prices to which a subscription can change.

    A configuration names products. The default one has none, so it offers every price that fits.
    """
    update = _features(found, session)["subscription_update"]
    named = {each["product"]: each["prices"] for each in update["products"]}
    prices = [
        each
        for each in found.account.where("price", active=True, currency=subscription["currency"])
        if each["recurring"]
    ]
    if not named:
        return prices
    return [
        each
        for each in prices
        if each["product"] in named
        and (not named[each["product"]] or each["id"] in named[each["product"]])
    ]


def _page(found: Services, session: Json, error: str = "", status: int = 200) -> Response:
    account = found.account
    flow = (session["flow"] or {}).get("type", "")
    parts = [
        _subscription_part(found, session, each, flow)
        for each in account.where("subscription", customer=session["customer"])
        if each["ended_at"] is None
    ]
    if flow in ("", "payment_method_update"):
        parts.append(_card_part(found, session))
    if not flow:
        parts.append(_invoices_part(found, session))
    if session["return_url"]:
        parts.append(f'<p><a href="{escape(session["return_url"])}">Back</a></p>')
    return page("Billing portal", "".join(parts), error=error, status=status)


def _subscription_part(found: Services, session: Json, subscription: Json, flow: str) -> str:
    account, features = found.account, _features(found, session)
    item = subscription["items"][0]
    price = account.find("price", item["price"])
    hidden = f'<input type="hidden" name="subscription" value="{subscription["id"]}">'
    until = day(end_of_period(subscription))
    ends = subscription["cancel_at"] is not None
    now = f"{_cost(price)}, quantity {item['quantity']}, {subscription['status']}."
    then = f"It {'ends' if ends else 'renews'} on {until}."
    parts = [f"<h2>{escape(product_name(account, price))}</h2><p>{now} {then}</p>"]
    updates = flow in ("", "subscription_update", "subscription_update_confirm")
    if updates and features["subscription_update"]["enabled"]:
        wanted = _confirmed(session, subscription) or item
        options = "".join(
            f'<option value="{each["id"]}"{" selected" * (each["id"] == wanted["price"])}>'
            f"{escape(product_name(account, each))}, {_cost(each)}</option>"
            for each in _offered(found, session, subscription)
        )
        parts.append(
            f'<form method="post">{hidden}<label>Plan <select name="price">{options}</select>'
            '</label><label>Quantity <input type="number" min="1" name="quantity" '
            f'value="{wanted["quantity"] or item["quantity"]}"></label>'
            '<button name="do" value="plan">Change plan</button></form>'
        )
    if flow in ("", "subscription_cancel") and features["subscription_cancel"]["enabled"]:
        word, text = ("keep", "Do not cancel") if ends else ("cancel", "Cancel subscription")
        parts.append(
            f'<form method="post">{hidden}<button class="quiet" name="do" value="{word}">{text}'
            "</button></form>"
        )
    return "".join(parts)


def _confirmed(session: Json, subscription: Json) -> Json | None:
    """Return the item of a flow that only asks for a confirmation."""
    confirm = (session["flow"] or {}).get("subscription_update_confirm")
    if confirm and confirm["subscription"] == subscription["id"] and confirm["items"]:
        found: Json = confirm["items"][0]
        return found if found["price"] else {**found, "price": subscription["items"][0]["price"]}
    return None


def _cost(price: Json) -> str:
    recurring = price["recurring"]
    count = recurring["interval_count"]
    every = recurring["interval"] if count == 1 else f"{count} {recurring['interval']}s"
    return f"{money(price['unit_amount'], price['currency'])} / {every}"


def _card_part(found: Services, session: Json) -> str:
    account = found.account
    customer = account.find("customer", session["customer"])
    method = account.store.get(customer["invoice_settings"]["default_payment_method"])
    for each in account.where("subscription", customer=customer["id"]):
        method = account.store.get(each["default_payment_method"]) or method
    shown = (
        f"{method['card']['brand']} that ends in {method['card']['last4']}" if method else "none"
    )
    options = "".join(
        f'<option value="{card.name}">{card.number}: {escape(card.title)}</option>'
        for card in CARDS
    )
    return (
        f"<h2>Card</h2><p>Now: {escape(shown)}</p>"
        f'<form method="post"><label>New card <select name="card">{options}</select></label>'
        '<button name="do" value="card">Use this card</button></form>'
    )


def _invoices_part(found: Services, session: Json) -> str:
    lines = "".join(
        f'<tr><td><a href="/invoices/{each["id"]}">{escape(each["number"])}</a></td>'
        f"<td>{day(each['created'])}</td><td>{each['status']}</td>"
        f'<td class="number">{money(each["total"], each["currency"])}</td></tr>'
        for each in reversed(found.account.where("invoice", customer=session["customer"]))
        if each["number"]
    )
    return f"<h2>Invoices</h2><table><tbody>{lines}</tbody></table>"


ROUTES = [
    Route("/portal/{token}", show),
    Route("/portal/{token}", submit, methods=["POST"]),
]
