"""The check of requests that change data: that this site's own pages have sent them.

It has two parts. Browsers say where a request comes from (`Sec-Fetch-Site`, `Origin`), and a form
sends the token of its browser. No package is used for it: `starlette-csrf` reads the token from a
header only.
"""

from starlette.requests import Request

from app.extensions.sessions.service.browser import browser_of

# RFC 9110, section 9.2.1.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
REFUSAL = "This page has expired. Go back, load it again, and repeat the action."


async def is_genuine(request: Request) -> bool:
    """Tell whether a page of this site has sent a request; requests that change nothing pass."""
    if request.method in SAFE_METHODS:
        return True
    headers = request.headers
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    if origin and origin.partition("://")[2] != headers.get("host"):
        return False
    sent = headers.get(HEADER) or (await request.form()).get(FIELD)
    return isinstance(sent, str) and browser_of(request).accepts(sent)
