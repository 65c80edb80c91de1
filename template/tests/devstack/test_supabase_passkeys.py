"""Passkeys of the local Supabase, in the format of Auth."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from devstack.supabase import LocalSupabase, passkeys
from devstack.supabase.store import User, timestamp
from tests.support.authenticator import Authenticator

Call = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalSupabase]:
    with LocalSupabase() as running:
        yield running


@pytest.fixture
def user(server: LocalSupabase) -> User:
    return server.user(f"{uuid4().hex}@example.com")


@pytest.fixture
def call(server: LocalSupabase, user: User) -> Iterator[Call]:
    """Send a request to Auth, with the token of the user."""
    token = server.auth.start_session(user)["access_token"]
    headers = {"apikey": server.publishable_key, "authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{server.url}/auth/v1", headers=headers, trust_env=False) as client:

        def call(method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
            return client.request(method, path, json=body, headers=headers)

        yield call


def register(call: Call, authenticator: Authenticator) -> httpx.Response:
    begun = call("POST", "/passkeys/registration/options", {}).json()
    body = {
        "challenge_id": begun["challenge_id"],
        "credential": authenticator.create(begun["options"]),
    }
    return call("POST", "/passkeys/registration/verify", body)


def signed(call: Call, authenticator: Authenticator) -> dict[str, Any]:
    begun = call("POST", "/passkeys/authentication/options", {}, authorization="").json()
    credential = authenticator.get(begun["options"])
    return {"challenge_id": begun["challenge_id"], "credential": credential}


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error_code"]


def test_a_passkey_is_added_named_used_and_removed(call: Call, user: User) -> None:
    authenticator = Authenticator()
    added = register(call, authenticator).json()
    assert set(added) == {"id", "friendly_name", "created_at"}
    assert authenticator.handle.decode() == user.id
    named = call("PATCH", f"/passkeys/{added['id']}", {"friendly_name": "Phone"}).json()
    assert call("GET", "/passkeys").json() == [named] == [{**added, "friendly_name": "Phone"}]
    body = signed(call, authenticator)
    answer = call("POST", "/passkeys/authentication/verify", body, authorization="").json()
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert answer["user"]["id"] == claims["sub"] == user.id
    assert (claims["aal"], claims["amr"][0]["method"]) == ("aal1", "passkey")
    assert "passkeys" not in answer["user"]
    assert call("GET", "/passkeys").json()[0]["last_used_at"]
    assert refusal(call("POST", "/passkeys/authentication/verify", body)) == (
        400,
        "webauthn_challenge_not_found",
    )
    assert call("DELETE", f"/passkeys/{added['id']}").status_code == 204
    body = signed(call, authenticator)
    assert refusal(call("POST", "/passkeys/authentication/verify", body)) == (
        400,
        "webauthn_verification_failed",
    )


def test_options_are_for_passkeys_that_need_no_address(call: Call, user: User) -> None:
    authenticator = Authenticator()
    register(call, authenticator)
    options = call("POST", "/passkeys/registration/options", {}).json()["options"]
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["rp"]["id"] == "localhost"
    assert options["user"]["name"] == user.email
    assert [passkeys.decoded(each["id"]) for each in options["excludeCredentials"]] == [
        authenticator.id
    ]
    assert refusal(register(call, authenticator)) == (422, "webauthn_credential_exists")
    options = call("POST", "/passkeys/authentication/options", {}).json()["options"]
    assert (options["rpId"], options["allowCredentials"]) == ("localhost", [])


@pytest.mark.parametrize("fault", ["origin", "signature", "handle", "counter", "shape"])
def test_a_sign_in_that_is_not_genuine_is_refused(
    server: LocalSupabase, call: Call, fault: str
) -> None:
    authenticator = Authenticator()
    register(call, authenticator)
    if fault == "origin":
        authenticator.origin = "https://localhost.example.com"
    elif fault == "signature":
        authenticator._key = Authenticator()._key
    elif fault == "handle":
        authenticator.handle = server.user(f"{uuid4().hex}@example.com").id.encode()
    elif fault == "counter":
        authenticator._uses = -1  # a copy of the passkey has been used meanwhile
    body = signed(call, authenticator)
    if fault == "shape":
        body["credential"] = {"id": 1}
    expected = (400, "webauthn_verification_failed")
    assert refusal(call("POST", "/passkeys/authentication/verify", body)) == expected


def test_a_challenge_is_for_one_user_and_for_some_minutes(
    server: LocalSupabase, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    authenticator = Authenticator()
    begun = call("POST", "/passkeys/registration/options", {}).json()
    body = {
        "challenge_id": begun["challenge_id"],
        "credential": authenticator.create(begun["options"]),
    }
    other = server.auth.start_session(server.user(f"{uuid4().hex}@example.com"))
    token = f"Bearer {other['access_token']}"
    answer = call("POST", "/passkeys/registration/verify", body, authorization=token)
    assert refusal(answer) == (400, "webauthn_challenge_not_found")
    later = timedelta(seconds=passkeys.CHALLENGE_SECONDS + 1)
    monkeypatch.setattr(passkeys, "timestamp", lambda: timestamp(later))
    answer = call("POST", "/passkeys/registration/verify", body)
    assert refusal(answer) == (400, "webauthn_challenge_expired")


def test_who_may_have_passkeys(server: LocalSupabase, call: Call, user: User) -> None:
    for _ in range(passkeys.MAX_PASSKEYS):
        assert register(call, Authenticator()).status_code == 200
    options = "/passkeys/registration/options"
    assert refusal(call("POST", options, {})) == (422, "too_many_passkeys")
    secret = {"apikey": server.secret_key, "authorization": f"Bearer {server.secret_key}"}
    found = call("GET", f"/admin/users/{user.id}/passkeys", **secret).json()
    path = f"/admin/users/{user.id}/passkeys/{found[0]['id']}"
    assert call("DELETE", path, **secret).status_code == 204
    assert refusal(call("DELETE", path, **secret)) == (404, "validation_failed")
    factor = server.auth.enroll(user, next(iter(server.auth.store.sessions.values())), "phone")
    factor.status = "verified"
    assert refusal(call("POST", options, {})) == (403, "insufficient_aal")
    assert refusal(call("DELETE", f"/passkeys/{found[1]['id']}")) == (403, "insufficient_aal")
    guest = server.auth.new_anonymous()
    server.auth.add_user(guest)
    token = f"Bearer {server.auth.start_session(guest)['access_token']}"
    answer = call("POST", options, {}, authorization=token)
    assert refusal(answer) == (403, "no_authorization")


def test_passkeys_can_be_disabled(server: LocalSupabase, call: Call) -> None:
    assert call("GET", "/settings").json()["passkeys_enabled"] is True
    kept = server.app.state.services
    server.app.state.services = replace(kept, passkeys=False)
    try:
        assert call("GET", "/settings").json()["passkeys_enabled"] is False
        assert refusal(call("GET", "/passkeys")) == (404, "passkey_disabled")
    finally:
        server.app.state.services = kept


def test_passkeys_are_kept_across_restarts(tmp_path: Path) -> None:
    authenticator = Authenticator()
    with closing(tmp_path / "state.json") as supabase:
        user = supabase.user("ada@example.com")
        session = supabase.auth.new_session(user, "password")
        begun = supabase.auth.begin_registration(user, session)
        supabase.auth.finish_registration(
            user, session, begun["challenge_id"], authenticator.create(begun["options"])
        )
    with closing(tmp_path / "state.json") as supabase:
        begun = supabase.auth.begin_authentication()
        found = supabase.auth.finish_authentication(
            begun["challenge_id"], authenticator.get(begun["options"])
        )
    assert found.id == user.id


@contextmanager
def closing(state: Path) -> Iterator[LocalSupabase]:
    supabase = LocalSupabase(state)
    try:
        yield supabase
    finally:
        supabase.stop()
