"""Signatures of webhooks."""

import base64
from datetime import UTC, datetime

import pytest
from fastapi import Request
from pydantic import SecretStr
from standardwebhooks import Webhook

from app.core.errors import AppError
from app.core.http.webhooks import parse_secrets, signed_json

OURS, THEIRS = (f"v1,whsec_{base64.b64encode(bytes([n] * 24)).decode()}" for n in (1, 2))
BODY = b'{"a": 1}'


def signature(secret: str, body: bytes) -> str:
    return Webhook(secret.removeprefix("v1,")).sign("msg_1", datetime.now(UTC), body.decode())


def request(
    body: bytes, *signatures: str, separator: str = " ", prefix: str = "webhook"
) -> Request:
    """A request that was signed with several secrets."""
    headers = {
        f"{prefix}-id": "msg_1",
        f"{prefix}-timestamp": str(int(datetime.now(UTC).timestamp())),
        f"{prefix}-signature": separator.join(signatures),
    }

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body}

    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": pairs}, receive)


# The specification separates signatures with spaces, Supabase Auth with a comma and a space.
@pytest.mark.parametrize("separator", [" ", ", "])
@pytest.mark.parametrize("secrets", [(OURS, THEIRS), (THEIRS, OURS)])
async def test_one_of_several_signatures_is_enough(
    separator: str, secrets: tuple[str, str]
) -> None:
    signatures = [signature(secret, BODY) for secret in secrets]
    sent = request(BODY, *signatures, separator=separator)
    assert await signed_json(sent, SecretStr(OURS), "HOOK_SECRETS") == {"a": 1}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null"])
async def test_a_signed_body_must_be_an_object(body: bytes) -> None:
    with pytest.raises(AppError) as raised:
        await signed_json(request(body, signature(OURS, body)), SecretStr(OURS), "HOOK_SECRETS")
    assert raised.value.code == "bad_request"


@pytest.mark.parametrize("secret", [None, SecretStr("the password of another service")])
async def test_a_missing_secret_is_named(secret: SecretStr | None) -> None:
    with pytest.raises(AppError, match="HOOK_SECRETS") as raised:
        await signed_json(request(BODY), secret, "HOOK_SECRETS")
    assert raised.value.code == "webhook_not_set_up"


@pytest.mark.parametrize("secret", ["", "whsec_AAAA", f"{OURS}|", OURS.removeprefix("v1,whsec_")])
def test_malformed_secrets(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec"):
        parse_secrets(SecretStr(secret))


async def test_senders_with_other_headers_and_secrets() -> None:
    """Svix leaves `v1,` out, and names the headers after itself."""
    sent = request(BODY, signature(OURS, BODY), prefix="svix")
    secret = SecretStr(OURS.removeprefix("v1,"))
    assert await signed_json(sent, secret, "HOOK_SECRETS", "svix") == {"a": 1}
