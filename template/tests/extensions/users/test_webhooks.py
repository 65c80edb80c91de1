"""The hooks of Supabase Auth, signed with the library of Standard Webhooks."""

import base64
import json
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from httpx import AsyncClient
from pydantic import SecretStr, ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession
from standardwebhooks import Webhook

from app.core.settings import get_settings
from app.extensions.users import deps, webhooks
from app.extensions.users.models import Role, User
from app.extensions.users.settings import UserSettings
from tests.support.people import SignIn

PATH = "/api/v1/webhooks/users"


def new_secret() -> str:
    return f"v1,whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


OLD, NEW = new_secret(), new_secret()

Send = Callable[..., Any]
Configure = Callable[..., None]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Set USER_… settings for the test."""

    def configure(**values: Any) -> None:
        settings = UserSettings(**values)
        for module in (webhooks, deps):
            monkeypatch.setattr(module, "load_settings", lambda _: settings)

    configure(hook_secrets=f"{OLD}|{NEW}")
    return configure


def signed(body: bytes, secret: str = NEW, *, age: float = 0, **headers: str) -> dict[str, str]:
    """Headers as Auth sends them."""
    sent = datetime.fromtimestamp(time.time() - age, UTC)
    signature = Webhook(secret.removeprefix("v1,")).sign("msg_1", sent, body.decode())
    names = {"id": "msg_1", "timestamp": str(int(sent.timestamp())), "signature": signature}
    return {f"webhook-{name}": value for name, value in (names | headers).items()}


@pytest.fixture
def send(client: AsyncClient, configure: Configure) -> Send:
    async def send(hook: str, payload: Any, **how: Any) -> httpx.Response:
        body = json.dumps(payload).encode()
        return await client.post(f"{PATH}/{hook}", content=body, headers=signed(body, **how))

    return send


def user(email: str | None = "ada@example.com") -> dict[str, Any]:
    return {"metadata": {"name": "x"}, "user": {"id": str(uuid4()), "email": email, "aud": "x"}}


@pytest.mark.parametrize("secret", [OLD, NEW], ids=["old", "new"])
@pytest.mark.parametrize("age", [0, 290, -290])
async def test_both_secrets_are_valid_for_five_minutes(send: Send, secret: str, age: float) -> None:
    answer = await send("before-user-created", user(), secret=secret, age=age)
    assert (answer.status_code, answer.json()) == (200, {})


BODY = json.dumps(user()).encode()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(BODY, new_secret()),
        signed(BODY + b" "),
        signed(BODY, age=3600),
        signed(BODY, age=-3600),
        signed(BODY, timestamp=str(int(time.time()) + 100)),
        signed(BODY, timestamp="soon"),
        signed(BODY, timestamp="nan"),
        signed(BODY, id="msg_2"),
        signed(BODY, signature=""),
        signed(BODY, signature="v1"),
        signed(BODY, signature="v1,%%%"),
        {
            **signed(BODY),
            "webhook-signature": signed(BODY)["webhook-signature"].replace("v1", "v2"),
        },
    ],
    ids=range(13),
)
async def test_an_invalid_signature_is_refused(
    client: AsyncClient, configure: Configure, headers: dict[str, str]
) -> None:
    answer = await client.post(f"{PATH}/before-user-created", content=BODY, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")


async def test_one_valid_signature_of_several_is_enough(
    client: AsyncClient, configure: Configure
) -> None:
    strange = signed(BODY, new_secret())["webhook-signature"]
    headers = signed(BODY)
    headers["webhook-signature"] = f"v1a,xyz {strange} {headers['webhook-signature']}"
    answer = await client.post(f"{PATH}/before-user-created", content=BODY, headers=headers)
    assert answer.status_code == 200


async def test_invalid_bodies_with_a_valid_signature(
    client: AsyncClient, configure: Configure
) -> None:
    async def status(body: bytes) -> int:
        url = f"{PATH}/before-user-created"
        return (await client.post(url, content=body, headers=signed(body))).status_code

    assert await status(b"[]") == 400
    large = b'"' + b"x" * get_settings().max_body_bytes + b'"'
    assert await status(large) == 413


async def test_without_a_secret_every_request_is_refused(send: Send, configure: Configure) -> None:
    configure(hook_secrets=None)
    answer = await send("before-user-created", user())
    assert (answer.status_code, answer.json()["code"]) == (403, "webhook_not_set_up")
    assert "USER_HOOK_SECRETS" in answer.json()["detail"]


@pytest.mark.parametrize(
    "secret",
    ["hunter2", "whsec_abc", "v1,whsec_", "v1,whsec_c2hvcnQ=", f"{OLD}|", f"{OLD},{NEW}"],
    ids=range(6),
)
def test_a_malformed_secret_stops_the_start(secret: str) -> None:
    with pytest.raises(ValidationError, match="v1,whsec_…"):
        UserSettings(hook_secrets=SecretStr(secret))


@pytest.mark.parametrize(
    ("email", "good"),
    [
        ("ada@example.com", True),
        ("ada@Example.COM", True),
        ("ada@sub.example.com", False),
        ("ada@evil.com", False),
        ('"a@example.com"@evil.com', False),
        (None, False),
    ],
)
async def test_who_may_sign_up(
    send: Send, configure: Configure, email: str | None, good: bool
) -> None:
    configure(hook_secrets=NEW, email_domains=["@Example.com", "example.org"])
    answer = await send("before-user-created", user(email))
    # Auth reads a refusal only from a 200.
    assert answer.status_code == 200
    if good:
        assert answer.json() == {}
    else:
        assert answer.json()["error"]["http_code"] == 403
        assert "example.com, example.org" in answer.json()["error"]["message"]


async def test_the_row_is_there_before_the_first_request(send: Send, session: AsyncSession) -> None:
    payload = user("Ada@Example.com")
    for _ in range(2):
        assert (await send("after-user-created", payload)).json() == {}
    row = await session.get(User, UUID(payload["user"]["id"]))
    assert row
    assert (row.email, row.role) == ("ada@example.com", Role.USER)


async def test_the_role_is_added_and_all_other_claims_stay(send: Send, sign_in: SignIn) -> None:
    admin = await sign_in(role=Role.ADMIN)
    claims = {"sub": str(admin.id), "role": "authenticated", "app_metadata": {"provider": "email"}}
    payload = {"user_id": str(admin.id), "claims": claims, "authentication_method": "password"}
    answer = (await send("custom-access-token", payload)).json()
    metadata = {"provider": "email", "role": "admin"}
    assert answer == {"claims": {**claims, "app_metadata": metadata}}
    # At the first sign-in there is no row yet.
    stranger = {"user_id": str(uuid4()), "claims": claims}
    assert (await send("custom-access-token", stranger)).json() == {"claims": claims}
