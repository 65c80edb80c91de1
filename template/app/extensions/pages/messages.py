"""Messages that the next page shows once, such as "The item was added".

They travel in a cookie. It is signed, because the page shows its text.
"""

import base64
import hashlib
import hmac
import json
from functools import cache

from fastapi import Request

from app.core.settings import get_settings
from app.extensions.sessions.service.browser import host_cookie, set_cookie

SECONDS = 300


def add_message(request: Request, text: str) -> None:
    """Let the page after this response show a text."""
    texts: list[str] = getattr(request.state, "messages", [])
    request.state.messages = [*texts, text]
    content = base64.urlsafe_b64encode(json.dumps(request.state.messages).encode()).decode()
    value = f"{content}.{_signature(content)}; Max-Age={SECONDS}"
    set_cookie(request, host_cookie("messages"), value)


def take_messages(request: Request) -> list[str]:
    """Return the texts for this page; the browser forgets them."""
    received = request.cookies.get(host_cookie("messages"))
    if not received:
        return []
    set_cookie(request, host_cookie("messages"), "; Max-Age=0")
    content, _, signature = received.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(content).encode()):
        return []
    texts: list[str] = json.loads(base64.urlsafe_b64decode(content))
    return texts


def _signature(content: str) -> str:
    return hmac.new(_key(), content.encode(), hashlib.sha256).hexdigest()


@cache
def _key() -> bytes:
    secret = get_settings().secret_key.get_secret_value().encode()
    return hmac.new(secret, b"pages messages", hashlib.sha256).digest()
