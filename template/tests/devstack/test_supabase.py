"""The local Supabase, over HTTP."""

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import jwt
import pytest

from devstack.errors import DevStackError
from devstack.ports import listen
from devstack.supabase import LocalSupabase, sessions

PUBLISHABLE, SECRET = "sb_publishable_test", "sb_secret_test"
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalSupabase]:
    with LocalSupabase(
        publishable_key=PUBLISHABLE, secret_key=SECRET, api_url="http://127.0.0.1:8000/</script>"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: LocalSupabase) -> Iterator[httpx.Client]:
    """A browser app, with the publishable key."""
    with _client(server, PUBLISHABLE) as client:
        yield client


@pytest.fixture(scope="module")
def admin(server: LocalSupabase) -> Iterator[httpx.Client]:
    """The backend, with the secret key, which supabase-py sends in two headers."""
    with _client(server, SECRET) as client:
        client.headers["Authorization"] = f"Bearer {SECRET}"
        yield client


def _client(server: LocalSupabase, key: str) -> httpx.Client:
    return httpx.Client(base_url=f"{server.url}/auth/v1/", headers={"apikey": key}, trust_env=False)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _person() -> dict[str, str]:
    return {"email": f"{uuid4().hex}@example.com", "password": PASSWORD}


def _error(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    assert body["code"] == answer.status_code
    assert body["msg"]
    assert answer.headers["x-sb-error-code"] == body["error_code"]
    return answer.status_code, body["error_code"]


def test_sign_up_returns_a_token_that_the_key_set_verifies(
    server: LocalSupabase, client: httpx.Client
) -> None:
    person = _person()
    answer = client.post("signup", json={**person, "data": {"name": "Ada"}})
    assert answer.status_code == 200
    session = answer.json()
    assert session["user"]["email"] == person["email"]
    assert session["user"]["user_metadata"] == {"name": "Ada", "email_verified": True}

    keys = httpx.get(f"{server.url}/auth/v1/.well-known/jwks.json", trust_env=False)
    assert keys.headers["cache-control"] == "public, max-age=600"
    header = jwt.get_unverified_header(session["access_token"])
    assert header["alg"] == "ES256"
    key = jwt.PyJWKSet.from_dict(keys.json())[header["kid"]]
    claims = jwt.decode(
        session["access_token"],
        key,
        audience="authenticated",
        issuer=server.issuer,
        options={"require": ["exp", "iat", "sub", "aud", "iss"]},
    )
    assert claims["sub"] == session["user"]["id"]
    assert claims["exp"] - claims["iat"] == 3600
    shown = {name: claims[name] for name in ("role", "aal", "email", "phone", "is_anonymous")}
    assert shown == {
        "role": "authenticated",
        "aal": "aal1",
        "email": person["email"],
        "phone": "",
        "is_anonymous": False,
    }
    assert {"session_id", "amr", "app_metadata", "user_metadata"} <= set(claims)


def test_the_private_key_is_not_published(client: httpx.Client) -> None:
    (key,) = client.get(".well-known/jwks.json").json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use", "key_ops", "ext"}


def test_sign_in_and_out(client: httpx.Client) -> None:
    person = _person()
    client.post("signup", json=person)
    upper = {**person, "email": person["email"].upper()}
    session = client.post("token?grant_type=password", json=upper).json()
    bearer = _bearer(session["access_token"])
    assert client.get("user", headers=bearer).json()["email"] == person["email"]
    assert client.post("logout", headers=bearer).status_code == 204
    assert _error(client.get("user", headers=bearer)) == (403, "session_not_found")


@pytest.mark.parametrize(
    ("scope", "this", "other"), [("local", 403, 200), ("others", 200, 403), ("global", 403, 403)]
)
def test_sign_out_ends_the_sessions_of_the_scope(
    server: LocalSupabase, client: httpx.Client, scope: str, this: int, other: int
) -> None:
    user = server.user(f"{uuid4().hex}@example.com")
    mine, theirs = (
        _bearer(server.auth.start_session(user)["access_token"]) for _ in ("this", "other")
    )
    client.post(f"logout?scope={scope}", headers=mine)
    assert client.get("user", headers=mine).status_code == this
    assert client.get("user", headers=theirs).status_code == other


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("token?grant_type=password", {"password": "wrong"}, (400, "invalid_credentials")),
        ("token?grant_type=password", {"email": "x@example.com"}, (400, "invalid_credentials")),
        ("token?grant_type=magic", {}, (400, "invalid_credentials")),
        ("token?grant_type=refresh_token", {}, (400, "validation_failed")),
        (
            "token?grant_type=refresh_token",
            {"refresh_token": "x"},
            (400, "refresh_token_not_found"),
        ),
        ("token?grant_type=pkce", {"auth_code": "x"}, (400, "validation_failed")),
        ("verify", {}, (400, "validation_failed")),
        ("verify", {"type": "email"}, (400, "validation_failed")),
        ("verify", {"type": "other", "token_hash": "x"}, (400, "validation_failed")),
        ("verify", {"type": "email", "token_hash": "x"}, (403, "otp_expired")),
        ("recover", {"email": ""}, (400, "validation_failed")),
        ("recover", {"email": "nonsense"}, (400, "validation_failed")),
        ("resend", {"type": "other"}, (400, "validation_failed")),
        ("token?grant_type=password", {"email": 1}, (400, "validation_failed")),
        ("signup", {}, (422, "user_already_exists")),
        ("signup", {"email": "nonsense"}, (400, "validation_failed")),
        ("signup", {"email": "new@example.com", "password": "short"}, (422, "weak_password")),
        ("signup", {"email": "new@example.com", "password": "x" * 73}, (400, "validation_failed")),
        ("signup", {"email": "new@example.com", "password": "é" * 37}, (400, "validation_failed")),
        ("signup", {"email": "new@example.com", "password": "éé"}, (422, "weak_password")),
        ("signup", {"email": "n@example.com", "data": 3}, (400, "validation_failed")),
    ],
)
def test_refusals(
    client: httpx.Client, path: str, body: dict[str, object], expected: tuple[int, str]
) -> None:
    known = {"email": "known@example.com", "password": PASSWORD}
    client.post("signup", json=known)
    assert _error(client.post(path, json={**known, **body})) == expected


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"[" * 100_000])
def test_bodies_that_are_not_json_objects(client: httpx.Client, body: bytes) -> None:
    assert _error(client.post("signup", content=body))[0] == 400


def test_half_an_emoji_is_stored_as_a_replacement(client: httpx.Client) -> None:
    body = b'{"email": "half@example.com", "password": "%s", "data": {"\\ud83d": "\\ud83d"}}'
    created = client.post("signup", content=body % PASSWORD.encode())
    assert created.json()["user"]["user_metadata"]["\ufffd"] == "\ufffd"


def test_unknown_paths(client: httpx.Client) -> None:
    assert _error(client.get("nothing")) == (404, "not_found")
    assert _error(client.get("signup")) == (405, "method_not_allowed")


def test_refreshing_replaces_the_refresh_token(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refresh(token: str) -> httpx.Response:
        return client.post("token?grant_type=refresh_token", json={"refresh_token": token})

    first = client.post("signup", json=_person()).json()["refresh_token"]
    second = refresh(first).json()["refresh_token"]
    third = refresh(second).json()["refresh_token"]
    assert len({first, second, third}) == 3
    # An older token returns the current one for a short time only.
    assert refresh(first).json()["refresh_token"] == third
    monkeypatch.setattr(sessions, "REUSE_SECONDS", 0)
    # A client may have lost the last response: the token before the current one always works.
    assert refresh(second).json()["refresh_token"] == third
    assert _error(refresh(first)) == (400, "refresh_token_already_used")
    # Two clients have the token, so the session ended for both.
    assert _error(refresh(third)) == (400, "refresh_token_not_found")


def test_users_change_only_password_and_metadata(client: httpx.Client) -> None:
    person = _person()
    bearer = _bearer(client.post("signup", json=person).json()["access_token"])
    same = client.put("user", headers=bearer, json={"password": PASSWORD})
    assert _error(same) == (422, "same_password")
    changes = {"password": "another one", "data": {"a": 1}}
    forbidden = {**changes, "app_metadata": {"role": "admin"}}
    assert _error(client.put("user", headers=bearer, json=forbidden)) == (403, "not_admin")
    user = client.put("user", headers=bearer, json=changes).json()
    assert user["user_metadata"] == {"a": 1, "email_verified": True}
    assert user["app_metadata"] == {"provider": "email", "providers": ["email"]}
    assert client.post("token?grant_type=password", json=person).status_code == 400
    person["password"] = "another one"
    assert client.post("token?grant_type=password", json=person).status_code == 200


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (401, "no_authorization")),
        (_bearer("garbage"), (403, "bad_jwt")),
        (_bearer(PUBLISHABLE), (403, "bad_jwt")),
    ],
)
def test_the_user_requires_a_token(
    client: httpx.Client, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    assert _error(client.get("user", headers=headers)) == expected


def test_foreign_and_expired_tokens(server: LocalSupabase, client: httpx.Client) -> None:
    with LocalSupabase() as other:
        foreign = other.issue_token()
    expired = server.issue_token(seconds=-60)
    for token in (foreign, expired, server.issue_token(claims={"aud": "other"})):
        assert _error(client.get("user", headers=_bearer(token))) == (403, "bad_jwt")


def test_every_request_requires_an_api_key(server: LocalSupabase) -> None:
    for headers in ({}, {"apikey": "sb_publishable_wrong"}):
        answer = httpx.get(f"{server.url}/auth/v1/health", headers=headers, trust_env=False)
        assert answer.status_code == 401
        assert "API key" in answer.json()["message"]


def test_admin_routes_require_the_secret_key(server: LocalSupabase, client: httpx.Client) -> None:
    assert _error(client.get("admin/users")) == (401, "no_authorization")
    for token in (server.issue_token(), SECRET):
        answer = client.get("admin/users", headers=_bearer(token))
        assert _error(answer) == (403, "not_admin")
    path = f"{server.url}/local/token"
    answer = httpx.post(path, json={"email": "known@example.com"}, trust_env=False)
    assert _error(answer) == (401, "no_authorization")


def test_the_admin_manages_users(client: httpx.Client, admin: httpx.Client) -> None:
    person = _person()
    created = admin.post("admin/users", json={**person, "email_confirm": False})
    assert created.status_code == 200
    path = f"admin/users/{created.json()['id']}"
    assert _error(admin.post("admin/users", json=person)) == (422, "email_exists")

    sign_in = "token?grant_type=password"
    assert _error(client.post(sign_in, json=person)) == (400, "email_not_confirmed")
    admin.put(path, json={"email_confirm": True, "app_metadata": {"plan": "pro"}})
    session = client.post(sign_in, json=person).json()
    assert session["user"]["app_metadata"]["plan"] == "pro"

    admin.put(path, json={"ban_duration": "24h"})
    assert _error(client.post(sign_in, json=person)) == (400, "user_banned")
    answer = client.get("user", headers=_bearer(session["access_token"]))
    assert _error(answer) == (403, "user_banned")
    admin.put(path, json={"ban_duration": "none"})
    assert admin.get(path).json()["email"] == person["email"]

    assert admin.delete(path).json() == {}
    assert _error(admin.get(path)) == (404, "user_not_found")
    assert _error(admin.get("admin/users/7")) == (404, "validation_failed")
    answer = client.get("user", headers=_bearer(session["access_token"]))
    assert _error(answer) == (403, "user_not_found")


def test_the_admin_lists_users_by_page(server: LocalSupabase, admin: httpx.Client) -> None:
    emails = [server.user(f"page{number}@example.com").email for number in range(3)]
    first = admin.get("admin/users", params={"page": 1, "per_page": 2})
    second = admin.get("admin/users", params={"page": 2, "per_page": 2})
    shown = [user["email"] for answer in (first, second) for user in answer.json()["users"]]
    assert shown[:3] == emails[::-1]
    assert int(first.headers["x-total-count"]) >= 3
    assert 'rel="next"' in first.headers["link"]
    assert _error(admin.get("admin/users?page=-1")) == (400, "validation_failed")


def test_health_and_settings(client: httpx.Client) -> None:
    assert client.get("health").json()["name"] == "GoTrue"
    assert client.get("settings").json()["mailer_autoconfirm"] is True


def test_only_browser_apps_of_this_machine_have_access(server: LocalSupabase) -> None:
    def allowed(origin: str) -> str | None:
        answer = httpx.options(
            f"{server.url}/auth/v1/token",
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "apikey,content-type",
            },
            trust_env=False,
        )
        origins: list[str] = answer.headers.get_list("access-control-allow-origin")
        return origins[0] if origins else None

    assert allowed("http://localhost:5173") == "http://localhost:5173"
    assert allowed("https://example.com") is None
    assert allowed("http://localhost.example.com") is None


def test_the_page_needs_no_other_server(server: LocalSupabase) -> None:
    page = httpx.get(server.url, trust_env=False)
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert PUBLISHABLE in page.text
    assert SECRET not in page.text
    assert not re.search("__[A-Z]+__", page.text)
    # The URL of the API contains a hostile `</script>`, which must not end the element.
    assert page.text.count("</script>") == 2
    assert "https://" not in page.text


def test_other_host_names_are_refused(server: LocalSupabase) -> None:
    answer = httpx.get(server.url, headers={"Host": "evil.example.com"}, trust_env=False)
    assert answer.status_code == 400


def test_state_survives_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "supabase.json"
    person = _person()
    with (
        LocalSupabase(state, publishable_key=PUBLISHABLE) as first,
        _client(first, PUBLISHABLE) as client,
    ):
        session = client.post("signup", json=person).json()
    assert state.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in state.read_text()
    port = int(first.url.rsplit(":", 1)[1])
    with (
        LocalSupabase(state, publishable_key=PUBLISHABLE, listening=listen(port)) as second,
        _client(second, PUBLISHABLE) as client,
    ):
        user = client.get("user", headers=_bearer(session["access_token"]))
        assert user.json()["email"] == person["email"]
        token = {"refresh_token": session["refresh_token"]}
        assert client.post("token?grant_type=refresh_token", json=token).status_code == 200


def test_damaged_state_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "supabase.json"
    state.write_text('{"keys": 3')
    with pytest.raises(DevStackError, match=r"supabase\.json\b"):
        LocalSupabase(state)


@pytest.mark.parametrize("name", ["staging", "production"])
def test_a_deployment_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", name)
    with pytest.raises(DevStackError, match=f"ENVIRONMENT={name}"):
        LocalSupabase()
