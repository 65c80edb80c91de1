"""Checks the signatures of webhooks (Standard Webhooks, https://www.standardwebhooks.com).

The module `webhooks.py` of a feature has a `router`, mounted at `/webhooks/<feature>`. Its routes
get the body from `signed_json`. A message is valid for five minutes and may arrive twice in this
time, so its handler must be idempotent.
"""

import re
from typing import Any

from fastapi import Request
from pydantic import SecretStr, TypeAdapter, ValidationError
from standardwebhooks import Webhook

from app.core.errors import AppError, ForbiddenError, UnauthenticatedError
from app.core.logging import get_logger

# At least 24 bytes in base64, as the specification requires. Only Supabase writes `v1,`.
SECRET = re.compile(r"(?:v1,)?(whsec_[A-Za-z0-9+/]{32,}={0,2})")

log = get_logger(__name__)

_object = TypeAdapter(dict[str, Any])


async def signed_json(
    request: Request, secrets: SecretStr | None, setting: str, prefix: str = "webhook"
) -> dict[str, Any]:
    """Return the body of a request that was signed with one of the secrets.

    Args:
        request: its whole body is read, at most `MAX_BODY_BYTES`.
        secrets: in the form that Supabase shows, `v1,whsec_…`, with `|` between several: those of
            several hooks, or the old and the new one while a secret is replaced.
        setting: the setting with the secrets, for the message if it is missing.
        prefix: that of the three headers; `svix` for senders that use this service.

    Raises:
        ForbiddenError: `webhook_not_set_up`, there is no secret, or one has another form.
        UnauthenticatedError: `invalid_signature`, no secret matches, or the message is too old.
        AppError: the body is no JSON object.
    """
    try:
        webhooks = parse_secrets(secrets) if secrets else []
    except ValueError:
        webhooks = []
    if not webhooks:
        log.error("webhook_not_set_up", advice=f"set {setting} to the secret of the hook")
        raise ForbiddenError(
            f"This webhook is not set up here: {setting} has no secret for it.",
            code="webhook_not_set_up",
        )
    body = await request.body()
    headers = {
        # Supabase Auth joins several signatures with ", ", the specification with " ".
        f"webhook-{name}": request.headers.get(f"{prefix}-{name}", "").replace(", ", " ")
        for name in ("id", "timestamp", "signature")
    }
    if not any(_is_signed(secret, body, headers) for secret in webhooks):
        raise UnauthenticatedError(
            "The signature is missing, wrong or older than five minutes.", code="invalid_signature"
        )
    return json_object(body)


def json_object(body: bytes) -> dict[str, Any]:
    """Read a body.

    Raises:
        AppError: it is no JSON object.
    """
    try:
        return _object.validate_json(body)
    except ValidationError as error:
        raise AppError("The body must be a JSON object.") from error


def parse_secrets(secrets: SecretStr) -> list[Webhook]:
    """Read the secrets.

    Raises:
        ValueError: one does not have the form `whsec_` and base64, with or without `v1,` before it.
    """
    found = [SECRET.fullmatch(each.strip()) for each in secrets.get_secret_value().split("|")]
    if not all(found):
        raise ValueError("write each secret as v1,whsec_…, with | between several")
    return [Webhook(match[1]) for match in found if match]


def _is_signed(webhook: Webhook, body: bytes, headers: dict[str, str]) -> bool:
    try:
        webhook.verify(body, headers, json_parse=False)
    except Exception:  # noqa: BLE001 - the library raises many kinds for malformed headers
        return False
    return True
