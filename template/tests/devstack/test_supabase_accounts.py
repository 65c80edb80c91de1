"""Rules of Supabase Auth that an application notices: sessions, addresses, mails, limits."""

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import jwt
import pytest
from supabase import AsyncClient, AsyncClientOptions
from supabase_auth.errors import AuthApiError

from devstack.supabase import LocalSupabase, mail
from devstack.supabase.store import timestamp

PUBLISHABLE, SECRET = "sb_publishable_test", "sb_secret_test"
PASSWORD = "correct horse"
VERSION = {"X-Supabase-Api-Version": "2024-01-01"}


@pytest.fixture(scope="module")
def server() -> Iterator[LocalSupabase]:
    with LocalSupabase(publishable_key=PUBLISHABLE, secret_key=SECRET) as running:
        yield running


@pytest.fixture(scope="module")
def confirming() -> Iterator[LocalSupabase]:
    """A project in which new addresses are confirmed by mail."""
    with LocalSupabase(
        publishable_key=PUBLISHABLE, secret_key=SECRET, autoconfirm=False
    ) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


def client_of(server: LocalSupabase, http: httpx.AsyncClient, key: str = PUBLISHABLE) -> Any:
    options = AsyncClientOptions(auto_refresh_token=False, httpx_client=http)
    return AsyncClient(server.url, key, options)


@pytest.fixture
def browser(server: LocalSupabase, http: httpx.AsyncClient) -> Any:
    return client_of(server, http)


@pytest.fixture
def admin(server: LocalSupabase, http: httpx.AsyncClient) -> Any:
    return client_of(server, http, SECRET).auth.admin


def new_person() -> dict[str, Any]:
    return {"email": f"{uuid4().hex}@example.com", "password": PASSWORD}


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


async def test_a_password_that_an_admin_sets_ends_all_sessions(browser: Any, admin: Any) -> None:
    session = (await browser.auth.sign_up(new_person())).session
    await admin.update_user_by_id(session.user.id, {"password": "another one"})
    with pytest.raises(AuthApiError) as ended:
        await browser.auth.get_user(session.access_token)
    assert ended.value.code == "session_not_found"
    with pytest.raises(AuthApiError) as lost:
        await browser.auth.refresh_session(session.refresh_token)
    assert str(lost.value.code) == "refresh_token_not_found"


async def test_a_new_address_waits_for_both_confirmations(
    browser: Any, server: LocalSupabase
) -> None:
    person, wanted = new_person(), new_person()["email"]
    await browser.auth.sign_up(person)
    taken = new_person()
    server.user(taken["email"])
    with pytest.raises(AuthApiError) as refused:
        await browser.auth.update_user({"email": taken["email"]})
    assert refused.value.code == "email_exists"
    user = (await browser.auth.update_user({"email": wanted})).user
    assert (user.email, user.new_email) == (person["email"], wanted)
    codes = {each.to: each.code for each in server.mailbox.mails if each.kind == "email_change"}
    body = {"type": "email_change", "email": wanted, "token": codes[wanted]}
    headers = {"apikey": PUBLISHABLE}
    first = httpx.post(f"{server.url}/auth/v1/verify", json=body, headers=headers, trust_env=False)
    assert (first.status_code, first.json()["code"]) == (200, "200")
    assert (await browser.auth.get_user()).user.email == person["email"]
    await browser.auth.verify_otp(
        {"type": "email_change", "email": person["email"], "token": codes[person["email"]]}
    )
    user = (await browser.auth.get_user()).user
    assert (user.email, user.new_email) == (wanted, None)


async def test_amr_keeps_the_time_of_the_sign_in(browser: Any, server: LocalSupabase) -> None:
    session = (await browser.auth.sign_up(new_person())).session
    hour = timestamp()[:14] + "00:00Z"
    stored = server.auth.store.sessions[claims_of(session.access_token)["session_id"]]
    stored.created_at = hour
    fresh = (await browser.auth.refresh_session(session.refresh_token)).session
    (entry,) = claims_of(fresh.access_token)["amr"]
    assert entry["method"] == "password"
    assert entry["timestamp"] % 3600 == 0
    assert claims_of(fresh.access_token)["iat"] >= time.time() - 60


async def test_a_confirmed_address_is_in_the_claims(browser: Any) -> None:
    session = (await browser.auth.sign_up(new_person())).session
    assert claims_of(session.access_token)["user_metadata"] == {"email_verified": True}
    # Times that are not set are left out.
    assert "invited_at" not in session.user.model_dump(exclude_unset=True)


async def test_errors_have_the_format_of_the_version(server: LocalSupabase) -> None:
    url = f"{server.url}/auth/v1/token?grant_type=password"
    headers = {"apikey": PUBLISHABLE}
    old = httpx.post(url, json=new_person(), headers=headers, trust_env=False)
    assert (old.json()["code"], old.json()["error_code"]) == (400, "invalid_credentials")
    assert "x-supabase-api-version" not in old.headers
    new = httpx.post(url, json=new_person(), headers=headers | VERSION, trust_env=False)
    assert new.json() == {"code": "invalid_credentials", "message": old.json()["msg"]}
    assert new.headers["x-supabase-api-version"] == "2024-01-01"
    for answer in (old, new):
        assert answer.headers["x-sb-error-code"] == "invalid_credentials"


async def test_sign_up_with_confirmation(
    confirming: LocalSupabase, http: httpx.AsyncClient
) -> None:
    browser = client_of(confirming, http)
    person = new_person()
    first = await browser.auth.sign_up(person)
    assert first.session is None
    assert first.user.email_confirmed_at is None
    with pytest.raises(AuthApiError) as early:
        await browser.auth.sign_in_with_password(person)
    assert early.value.code == "email_not_confirmed"
    code = confirming.mailbox.mails[-1].code
    await browser.auth.verify_otp({"type": "email", "email": person["email"], "token": code})
    # The answer for a known address does not tell that it is known.
    again = await browser.auth.sign_up(person)
    assert again.session is None
    assert again.user.identities == []
    assert again.user.id != first.user.id


async def test_mails_are_limited(browser: Any, server: LocalSupabase) -> None:
    email = new_person()["email"]
    await browser.auth.sign_in_with_otp({"email": email})
    with pytest.raises(AuthApiError) as refused:
        await browser.auth.sign_in_with_otp({"email": email})
    assert (refused.value.status, refused.value.code) == (429, "over_email_send_rate_limit")
    server.mailbox.mails[-1].sent_at = "2000"
    await browser.auth.sign_in_with_otp({"email": email})


async def test_a_limit_of_requests_can_be_tried(browser: Any, server: LocalSupabase) -> None:
    body = {"path": "/auth/v1/token", "status": 429, "times": 1}
    url = f"{server.url}/local/failures"
    httpx.post(url, json=body, headers={"apikey": SECRET}, trust_env=False).raise_for_status()
    with pytest.raises(AuthApiError) as refused:
        await browser.auth.sign_in_with_password(new_person())
    assert (refused.value.status, refused.value.code) == (429, "over_request_rate_limit")


async def test_an_anonymous_user_needs_an_address_for_a_password(browser: Any) -> None:
    await browser.auth.sign_in_anonymously()
    with pytest.raises(AuthApiError) as refused:
        await browser.auth.update_user({"password": PASSWORD})
    assert (refused.value.status, refused.value.code) == (422, "validation_failed")


async def test_links_of_pkce(
    browser: Any, server: LocalSupabase, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = new_person()
    await browser.auth.sign_up(person)
    await browser.auth.sign_out()
    await browser.auth.reset_password_for_email(person["email"])
    link = server.mailbox.mails[-1].link
    target = urlsplit((await http.get(link)).headers["location"])
    code = parse_qs(target.query)["code"][0]
    session = (await browser.auth.exchange_code_for_session({"auth_code": code})).session
    assert claims_of(session.access_token)["amr"][0]["method"] == "recovery"
    # The second time, the link tells the error in both places.
    target = urlsplit((await http.get(link)).headers["location"])
    for part in (target.query, target.fragment):
        assert parse_qs(part)["error_code"] == ["otp_expired"]

    server.mailbox.mails.clear()
    await browser.auth.reset_password_for_email(person["email"])
    target = urlsplit((await http.get(server.mailbox.mails[-1].link)).headers["location"])
    monkeypatch.setattr(mail, "EXCHANGE_SECONDS", -1)
    code = parse_qs(target.query)["code"][0]
    with pytest.raises(AuthApiError) as late:
        await browser.auth.exchange_code_for_session({"auth_code": code})
    assert late.value.code == "flow_state_expired"


async def test_invitations_and_links_of_the_backend(
    browser: Any, admin: Any, server: LocalSupabase
) -> None:
    email = new_person()["email"]
    invited = (await admin.invite_user_by_email(email)).user
    assert invited.invited_at
    assert server.mailbox.mails[-1].kind == "invite"
    link = await admin.generate_link({"type": "magiclink", "email": email})
    assert link.properties.action_link.startswith(server.url)
    await browser.auth.verify_otp({"type": "magiclink", "token_hash": link.properties.hashed_token})
    assert (await browser.auth.get_user()).user.email == email
    with pytest.raises(AuthApiError) as known:
        await admin.invite_user_by_email(email)
    assert known.value.code == "email_exists"
    for kind in ("signup", "recovery", "invite", "email_change_new"):
        body: Any = {"email": new_person()["email"], "password": PASSWORD, "type": kind}
        if kind == "email_change_new":
            body |= {"email": email, "new_email": new_person()["email"]}
        made = await admin.generate_link(body)
        assert made.properties.verification_type == kind


async def test_more_of_the_signed_in_user(browser: Any, server: LocalSupabase) -> None:
    person = new_person()
    await browser.auth.sign_up(person)
    await browser.auth.reauthenticate()
    assert server.mailbox.mails[-1].kind == "reauthentication"
    await browser.auth.update_user({"email": new_person()["email"]})
    server.mailbox.mails.clear()
    await browser.auth.resend({"type": "email_change", "email": person["email"]})
    assert len(server.mailbox.mails) == 2
    identities = await browser.auth.get_user_identities()
    with pytest.raises(AuthApiError) as last:
        await browser.auth.unlink_identity(identities.identities[0])
    assert last.value.code == "single_identity_not_deletable"


async def test_more_of_the_admin(admin: Any, browser: Any, server: LocalSupabase) -> None:
    user_id, person = str(uuid4()), new_person()
    created = await admin.create_user({**person, "id": user_id, "role": "editor"})
    assert (created.user.id, created.user.role) == (user_id, "editor")
    # A banned user is told so before the password is compared.
    await admin.update_user_by_id(user_id, {"ban_duration": "1h"})
    with pytest.raises(AuthApiError) as banned:
        await browser.auth.sign_in_with_password({**person, "password": "wrong one"})
    assert banned.value.code == "user_banned"
    answer = httpx.get(
        f"{server.url}/auth/v1/admin/users",
        params={"filter": person["email"][:20], "per_page": 5000},
        headers={"apikey": SECRET},
        trust_env=False,
    )
    assert [each["id"] for each in answer.json()["users"]] == [user_id]
