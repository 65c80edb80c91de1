"""The overview of the account: what there is, and buttons for what only Stripe can do."""

from collections.abc import Callable
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from devstack.stripe.account import Account
from devstack.stripe.pages.layout import money, page
from devstack.stripe.pages.times import exact
from devstack.stripe.services import Services, services
from devstack.stripe.store import Json

Row = Callable[[Json], str]
SCRIPT = Path(__file__).with_name("overview.js")
SHOWN = 50
DAY = 86400
STEPS = (("1 hour", 3600), ("1 day", DAY), ("1 week", 7 * DAY), ("31 days", 31 * DAY))


async def show(request: Request) -> Response:
    """Return the page."""
    found = services(request)
    account = found.account
    parts = [
        _time(account),
        _deliveries(found),
        _table("Subscriptions", account.where("subscription"), _subscription(account)),
        _table("Checkouts", account.where("checkout.session", status="open"), _checkout),
        _table("Invoices", account.where("invoice"), _invoice),
        _table("Charges", account.where("charge"), _charge(account)),
        _table("Customers", account.where("customer"), _customer),
        _table("Events", account.where("event"), _event),
        '<script src="/_local/overview.js"></script>',
    ]
    return page("Local Stripe", "".join(parts))


async def script(_: Request) -> Response:
    """Return the script of the page."""
    return FileResponse(SCRIPT, headers={"Cache-Control": "no-store"})


def _button(text: str, path: str, body: str = "{}") -> str:
    return (
        f'<button class="quiet" data-path="{escape(path)}" data-body="{escape(body)}">'
        f"{escape(text)}</button>"
    )


def _time(account: Account) -> str:
    buttons = "".join(
        _button(f"+ {label}", "/_local/advance", f'{{"seconds": {seconds}}}')
        for label, seconds in STEPS
    )
    return (
        f"<p>Time of the account: {exact(account.now())} UTC</p><p>{buttons}</p>"
        "<p>What is due until then is done: renewals, ends of trials, retries of payments.</p>"
    )


def _deliveries(found: Services) -> str:
    waiting = found.deliveries.pending()
    failed = [each for each in waiting if each["attempts"]]
    last = f" The last answer was {escape(str(failed[-1]['attempts'][-1]))}." if failed else ""
    endpoints = "".join(
        f"<li><code>{escape(each['url'])}</code></li>"
        for each in found.account.where("webhook_endpoint")
    )
    return (
        f"<p>Deliveries of events that wait: {len(waiting)}, of which {len(failed)} have failed "
        f"before.{last}</p><ul>{endpoints}</ul>"
    )


def _table(title: str, items: list[Json], row: Row) -> str:
    shown = "".join(f"<tr>{row(each)}</tr>" for each in reversed(items[-SHOWN:]))
    more = f", the last {SHOWN}" if len(items) > SHOWN else ""
    return f"<h2>{title} ({len(items)}{more})</h2><table><tbody>{shown}</tbody></table>"


def _cells(item: Json, *cells: object) -> str:
    return f"<td><code>{escape(item['id'])}</code></td>" + "".join(
        f"<td>{each}</td>" for each in cells
    )


def _subscription(account: Account) -> Row:
    def row(item: Json) -> str:
        names = []
        for each in item["items"]:
            price = account.find("price", each["price"])
            names.append(f"{each['quantity']} × {price['lookup_key'] or price['id']}")
        end = exact(item["items"][0]["current_period_end"])
        word = "ends" if item["cancel_at"] else "until"
        return _cells(item, escape(", ".join(names)), item["status"], f"{word} {end}")

    return row


def _checkout(item: Json) -> str:
    link = f'<a href="{escape(item["url"] or "")}">Open</a>'
    return _cells(item, item["mode"], money(item["amount_total"], item["currency"]), link)


def _invoice(item: Json) -> str:
    number = escape(item["number"] or "draft")
    shown = f'<a href="/invoices/{item["id"]}">{number}</a>' if item["number"] else number
    return _cells(item, shown, item["status"], money(item["total"], item["currency"]))


def _charge(account: Account) -> Row:
    def row(item: Json) -> str:
        actions = ""
        if item["paid"] and not item["disputed"]:
            actions = _button("Dispute", f"/_local/charges/{item['id']}/dispute") + _button(
                "Warn of fraud", f"/_local/charges/{item['id']}/fraud_warning"
            )
        for dispute in account.where("dispute", charge=item["id"]):
            path = f"/_local/disputes/{dispute['id']}/decide"
            actions += f" dispute {dispute['status']} "
            if dispute["status"] not in ("won", "lost", "warning_closed"):
                actions += _button("Win", path, '{"won": true}')
                actions += _button("Lose", path, '{"won": false}')
        state = "refunded" if item["refunded"] else item["status"]
        return _cells(item, money(item["amount"], item["currency"]), state, actions)

    return row


def _customer(item: Json) -> str:
    return _cells(item, escape(item["email"] or ""), escape(item["name"] or ""))


def _event(item: Json) -> str:
    waiting = f"{item['pending_webhooks']} waiting" if item["pending_webhooks"] else ""
    again = _button("Deliver again", f"/_local/events/{item['id']}/deliver")
    return _cells(item, escape(item["type"]), exact(item["created"]), waiting, again)


ROUTES = [Route("/", show), Route("/_local/overview.js", script)]
