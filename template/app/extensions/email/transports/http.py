"""What the transports over HTTP have in common."""

import base64
from collections.abc import Iterator, Mapping
from email.message import EmailMessage
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qs, unquote

import httpx

from app.core.http_client import client_options
from app.extensions.email.transports.base import SECONDS, DeliveryError


class Part(NamedTuple):
    """A file of a mail, in base64."""

    name: str
    media_type: str
    content: str


def key_of(parts: SplitResult) -> str:
    """Return the key of an address such as resend://KEY."""
    # Not `hostname`, which is in lower case.
    return unquote(parts.netloc)


def base_of(parts: SplitResult, default: str) -> str:
    """Return the address of the provider, which `?api=` replaces, as for a proxy."""
    return parse_qs(parts.query).get("api", [default])[0].rstrip("/")


def body_of(mail: EmailMessage, subtype: str) -> str:
    """Return the text or the HTML of a mail."""
    part = mail.get_body((subtype,))
    return str(part.get_content()) if part else ""


def parts_of(mail: EmailMessage) -> Iterator[Part]:
    """Yield the attachments."""
    for part in mail.iter_attachments():
        content = part.get_payload(decode=True)
        yield Part(
            part.get_filename() or "file",
            part.get_content_type(),
            base64.b64encode(content if isinstance(content, bytes) else b"").decode(),
        )


def headers_of(mail: EmailMessage) -> dict[str, str]:
    """Return the headers that have no field of their own at a provider."""
    names = (
        "Message-ID",
        "Auto-Submitted",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "X-Original-To",
    )
    return {name: str(mail[name]) for name in names if mail[name]}


async def request(
    method: str, url: str, headers: Mapping[str, str], body: Any = None
) -> httpx.Response:
    """Send a request. Return a response that is a success, or a refusal (4xx).

    Raises:
        DeliveryError: the provider does not answer, is overloaded or refuses the key; a later try
            may succeed.
    """
    try:
        async with httpx.AsyncClient(**client_options(), timeout=SECONDS) as client:
            response = await client.request(method, url, headers=headers, json=body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DeliveryError(f"{url}: {str(error) or type(error).__name__}") from error
    # 401 and 403: somebody can correct the key. 409: a try before this one is still running.
    if response.status_code >= 500 or response.status_code in (401, 403, 408, 409, 425, 429):
        raise DeliveryError(f"{response.status_code} {response.text}")
    return response
