"""The local Supabase calls hooks, signed in the way of the real one."""

import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
import uvicorn
from fastapi import FastAPI, Request
from pydantic import SecretStr

from app.core.http.webhooks import signed_json
from devstack.ports import HOST, listen, port_of
from devstack.supabase import LocalSupabase
from devstack.supabase.__main__ import hook_urls

OURS, OLD = "v1,whsec_" + "a" * 32, "v1,whsec_" + "b" * 32


class Receiver:
    """A backend with hooks, which keeps the calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Any] = {}
        self.app = FastAPI()
        self.app.post("/api/v1/webhooks/users/{name}")(self.receive)

    async def receive(self, name: str, request: Request) -> Any:
        """Verify the signature as the backend does."""
        body = await signed_json(request, SecretStr(OURS), "SECRETS")
        self.calls.append((name, body))
        return self.answers.get(name, {"claims": body["claims"]} if "claims" in body else {})


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver, listening = Receiver(), listen(0)
    server = uvicorn.Server(uvicorn.Config(receiver.app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    receiver.url = f"http://{HOST}:{port_of(listening)}"  # type: ignore[attr-defined]
    thread.start()
    while not server.started:
        time.sleep(0.005)
    yield receiver
    server.should_exit = server.force_exit = True
    thread.join()


@pytest.fixture(scope="module")
def server(receiver: Any) -> Iterator[LocalSupabase]:
    env = {
        "USER_HOOK_SECRETS": f"{OLD}|{OURS}",
        "DEV_SEND_EMAIL_HOOK": f"{receiver.url}/api/v1/webhooks/users/send-email",
    }
    hooks = hook_urls(receiver.url, env)
    with LocalSupabase(hooks=hooks, hook_secrets=env["USER_HOOK_SECRETS"]) as running:
        yield running


@pytest.fixture
def auth(server: LocalSupabase, receiver: Receiver) -> Iterator[httpx.Client]:
    receiver.calls.clear()
    receiver.answers.clear()
    with httpx.Client(
        base_url=f"{server.url}/auth/v1/",
        headers={"apikey": server.publishable_key},
        trust_env=False,
    ) as client:
        yield client


def person() -> dict[str, str]:
    return {"email": f"{uuid4().hex}@example.com", "password": "correct horse"}


def test_a_sign_up_calls_three_hooks(auth: httpx.Client, receiver: Receiver) -> None:
    someone = person()
    session = auth.post("signup", json=someone).json()
    assert [name for name, _ in receiver.calls] == [
        "before-user-created",
        "after-user-created",
        "custom-access-token",
    ]
    for _, body in receiver.calls[:2]:
        assert body["user"]["email"] == someone["email"]
        assert body["user"]["id"] == session["user"]["id"]
        assert body["metadata"]["name"]
    assert receiver.calls[2][1]["authentication_method"] == "password"


def test_a_hook_refuses_a_user(
    auth: httpx.Client, receiver: Receiver, server: LocalSupabase
) -> None:
    refusal = {"error": {"http_code": 403, "message": "Not here."}}
    receiver.answers["before-user-created"] = refusal
    someone = person()
    for path, body in (("signup", someone), ("otp", {"email": someone["email"]}), ("signup", {})):
        answer = auth.post(path, json=body)
        assert (answer.status_code, answer.json()["msg"]) == (403, "Not here.")
    assert server.auth.store.by_email(someone["email"]) is None


def test_a_hook_changes_the_claims_of_every_token(auth: httpx.Client, receiver: Receiver) -> None:
    session = auth.post("signup", json=person()).json()
    claims = jwt.decode(session["access_token"], options={"verify_signature": False})
    changed = {**claims, "app_metadata": {"role": "admin"}}
    receiver.answers["custom-access-token"] = {"claims": changed}
    body = {"refresh_token": session["refresh_token"]}
    fresh = auth.post("token?grant_type=refresh_token", json=body).json()
    token = jwt.decode(fresh["access_token"], options={"verify_signature": False})
    assert token["app_metadata"] == {"role": "admin"}
    del changed["role"]
    answer = auth.post("token?grant_type=password", json={"email": token["email"], **PASSWORD})
    assert answer.status_code == 500


PASSWORD = {"password": "correct horse"}


def test_a_hook_sends_the_mails(auth: httpx.Client, receiver: Receiver) -> None:
    someone = person()
    assert auth.post("otp", json={"email": someone["email"]}).status_code == 200
    name, body = receiver.calls[-1]
    assert name == "send-email"
    assert body["email_data"]["email_action_type"] == "magiclink"
    code = {"type": "email", "email": someone["email"], "token": body["email_data"]["token"]}
    assert auth.post("verify", json=code).status_code == 200


def test_a_hook_that_fails_fails_the_sign_up(receiver: Any) -> None:
    hooks = {"before-user-created": f"{receiver.url}/api/v1/webhooks/users/before-user-created"}
    with LocalSupabase(hooks=hooks, hook_secrets=OLD) as running:
        url, headers = f"{running.url}/auth/v1/signup", {"apikey": running.publishable_key}
        answer = httpx.post(url, json=person(), headers=headers, trust_env=False)
    # Auth shows no reason: the backend has answered 401, because it does not know the secret.
    assert (answer.status_code, answer.json()["error_code"]) == (500, "unexpected_failure")
    with LocalSupabase(hooks={"before-user-created": "http://127.0.0.1:1/"}) as running:
        url, headers = f"{running.url}/auth/v1/signup", {"apikey": running.publishable_key}
        answer = httpx.post(url, json=person(), headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["error_code"]) == (422, "hook_timeout")


def test_hooks_are_called_only_with_secrets() -> None:
    assert hook_urls("http://127.0.0.1:8000", {}) == {}
    urls = hook_urls("http://127.0.0.1:8000", {"USER_HOOK_SECRETS": OURS, "API_PREFIX": "/v2"})
    prefix = "http://127.0.0.1:8000/v2/webhooks/users"
    assert urls["custom-access-token"] == f"{prefix}/custom-access-token"
    assert len(urls) == 3
