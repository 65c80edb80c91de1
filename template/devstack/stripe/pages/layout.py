"""The frame of every page."""

from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from devstack.stripe.store import Json

STYLE = Path(__file__).with_name("style.css")
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# Currencies whose smallest unit is the currency itself.
WHOLE = ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv")


def page(title: str, body: str, *, error: str = "", status: int = 200) -> Response:
    """Return a page; `body` is HTML."""
    shown = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
    html = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · Local Stripe</title>
<link rel="stylesheet" href="/_local/style.css">
<link rel="icon" href="data:,">
</head>
<body>
<p class="note">This is the local Stripe of the dev stack. No money moves.</p>
<h1>{escape(title)}</h1>
{shown}
{body}
</body>
</html>
"""
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(html, status_code=status, headers=headers)


def money(amount: int, currency: str) -> str:
    """Return an amount for people, such as `9.00 EUR`."""
    value = str(amount) if currency in WHOLE else f"{amount / 100:.2f}"
    return f"{value} {currency.upper()}"


def rows(items: list[Json], currency: str) -> str:
    """Return the table of a list of items with description, quantity and `amount_total`."""
    lines = "".join(
        f"<tr><td>{escape(str(item['description']))}</td>"
        f'<td class="number">{item["quantity"]}</td>'
        f'<td class="number">{money(item["amount_total"], currency)}</td></tr>'
        for item in items
    )
    return (
        '<table><thead><tr><th>Item</th><th class="number">Quantity</th>'
        f'<th class="number">Amount</th></tr></thead><tbody>{lines}</tbody></table>'
    )


async def style(_: Request) -> Response:
    """Return the style sheet."""
    return FileResponse(STYLE, headers={"Cache-Control": "no-store"})


ROUTES = [Route("/_local/style.css", style)]
