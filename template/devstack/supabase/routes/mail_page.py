"""The page that shows the mails."""

import html

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from devstack.supabase.access import services
from devstack.supabase.mail import Mail

PAGE = """<!doctype html><meta charset="utf-8"><title>Mails of the local Supabase</title>
<h1>Mails</h1><p>No mail leaves this machine. <a href="/">Sign-in page</a></p><ul>{}</ul>"""
ENTRY = """<li>{sent_at}: <b>{subject}</b> for {to}, code <code>{code}</code>,
<a href="{link}">link</a>{note}</li>"""


async def mails(request: Request) -> Response:
    """List every mail, newest first, as a page or as JSON."""
    found = services(request).mailbox.mails[::-1]
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse(
            [{"to": m.to, "kind": m.kind, "code": m.code, "link": m.link} for m in found]
        )
    if url := services(request).mails_url:
        return RedirectResponse(url)
    return HTMLResponse(PAGE.format("".join(map(_entry, found)) or "<li>None yet.</li>"))


def _entry(mail: Mail) -> str:
    shown = {
        name: html.escape(str(getattr(mail, name)))
        for name in ("sent_at", "subject", "to", "code", "link")
    }
    return ENTRY.format(**shown, note="" if mail.valid else " (used)")


routes = [Route("/mails", mails)]
