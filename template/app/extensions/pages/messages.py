"""Messages that the next page shows once, such as "The item was added".

They travel in a cookie. It is signed, because the page shows its text.
"""

import base64
import json

from fastapi import Request

from app.core import signing
from app.extensions.sessions.service.browser import host_cookie, set_cookie

SECONDS = 300
PURPOSE = "pages messages"


def add_message(request: Request, text: str) -> None:
    """Let the page after this response show a text."""
    texts: list[str] = getattr(request.state, "messages", [])
    request.state.messages = [*texts, text]
    content = base64.urlsafe_b64encode(json.dumps(request.state.messages).encode()).decode()
    signature = signing.sign(signing.keys(PURPOSE), content)
    value = f"{content}.{signature}; Max-Age={SECONDS}"
    set_cookie(request, host_cookie("messages"), value)


def take_messages(request: Request) -> list[str]:
    """Return the texts for this page; the browser forgets them."""
    received = request.cookies.get(host_cookie("messages"))
    if not received:
        return []
    set_cookie(request, host_cookie("messages"), "; Max-Age=0")
    content, _, signature = received.rpartition(".")
    if not signing.is_signed(signing.keys(PURPOSE), content, signature):
        return []
    texts: list[str] = json.loads(base64.urlsafe_b64decode(content))
    return texts
