"""Who sent a webhook: signatures by Standard Webhooks, https://www.standardwebhooks.com.

A feature's `webhooks.py` has a `router`, mounted at `/webhooks/<feature>`; its routes take the body
from `signed_json`. A message is good for five minutes and may come twice within them, so what it
sets off must be the same then.
"""

import json
import re
from typing import Any

from fastapi import Request
from pydantic import SecretStr
from standardwebhooks import Webhook

from app.core.errors import AppError, ForbiddenError, UnauthenticatedError
from app.core.logging import get_logger

# 24 bytes or more in base64, as the specification asks for.
SECRET = re.compile(r"v1,(whsec_[A-Za-z0-9+/]{32,}={0,2})")

log = get_logger(__name__)


async def signed_json(request: Request, secrets: SecretStr | None, setting: str) -> dict[str, Any]:
    """Return the request's body if one of the secrets signed it.

    Args:
        request: read to its end; `MAX_BODY_BYTES` bounds it.
        secrets: as Supabase shows and takes them, `v1,whsec_…`, several with `|` between them: of
            several hooks, or the old and the new one during a change.
        setting: where the secrets come from, to be named when there are none.

    Raises:
        ForbiddenError: `webhook_not_set_up`, there is no secret.
        UnauthenticatedError: `invalid_signature`, nobody who knows a secret sent this just now.
        AppError: the body is no JSON object.
    """
    if secrets is None:
        log.error("webhook_not_set_up", advice=f"set {setting} to the secret of the hook")
        raise ForbiddenError(
            f"This webhook is not set up here: {setting} is missing.", code="webhook_not_set_up"
        )
    body = await request.body()
    headers = dict(request.headers)
    if not any(_signed(secret, body, headers) for secret in parse_secrets(secrets)):
        raise UnauthenticatedError(
            "The signature is missing, wrong or older than five minutes.", code="invalid_signature"
        )
    document = json.loads(body)
    if not isinstance(document, dict):
        raise AppError("The body must be a JSON object.")
    return document


def parse_secrets(secrets: SecretStr) -> list[Webhook]:
    """Read the secrets.

    Raises:
        ValueError: one is not in the form `v1,whsec_` and base64.
    """
    found = [SECRET.fullmatch(each.strip()) for each in secrets.get_secret_value().split("|")]
    if not all(found):
        raise ValueError("write each secret as v1,whsec_…, with | between several")
    return [Webhook(match[1]) for match in found if match]


def _signed(webhook: Webhook, body: bytes, headers: dict[str, str]) -> bool:
    try:
        webhook.verify(body, headers)
    except Exception:  # noqa: BLE001 - whatever a stranger sends, it is not signed
        return False
    return True
