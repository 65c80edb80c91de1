"""Second factors of the local Supabase, with Supabase's own client."""

import base64
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from supabase import AsyncClient, AsyncClientOptions
from supabase_auth.errors import AuthApiError

from devstack.supabase import LocalSupabase, codes, factors

PUBLISHABLE, SECRET = "sb_publishable_test", "sb_secret_test"
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalSupabase]:
    with LocalSupabase(publishable_key=PUBLISHABLE, secret_key=SECRET) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@pytest.fixture
def person() -> dict[str, Any]:
    return {"email": f"{uuid4().hex}@example.com", "password": PASSWORD}


def client_of(server: LocalSupabase, http: httpx.AsyncClient, key: str = PUBLISHABLE) -> Any:
    options = AsyncClientOptions(auto_refresh_token=False, httpx_client=http)
    return AsyncClient(server.url, key, options)


@pytest.fixture
async def browser(server: LocalSupabase, http: httpx.AsyncClient, person: dict[str, Any]) -> Any:
    """A browser app in which the person has signed up."""
    browser = client_of(server, http)
    await browser.auth.sign_up(person)
    return browser


async def enroll(browser: Any, name: str = "phone") -> tuple[str, str]:
    added = await browser.auth.mfa.enroll({"factor_type": "totp", "friendly_name": name})
    assert added.totp.qr_code.startswith("data:image/svg+xml;utf-8,<svg")
    assert added.totp.secret in added.totp.uri
    return added.id, added.totp.secret


async def enter(browser: Any, factor_id: str, code: str) -> Any:
    return await browser.auth.mfa.challenge_and_verify({"factor_id": factor_id, "code": code})


def code_of(secret: str) -> str:
    return codes.code_at(secret, time.time())


async def claims_of(browser: Any) -> dict[str, Any]:
    session = await browser.auth.get_session()
    claims: dict[str, Any] = jwt.decode(session.access_token, options={"verify_signature": False})
    return claims


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_standard(seconds: int, expected: str) -> None:
    """The last six digits of the vectors in RFC 6238, appendix B."""
    secret = base64.b32encode(b"12345678901234567890").decode()
    assert codes.code_at(secret, seconds) == expected


async def test_a_factor_counts_after_its_first_code(browser: Any, person: dict[str, Any]) -> None:
    factor_id, secret = await enroll(browser)
    levels = await browser.auth.mfa.get_authenticator_assurance_level()
    assert (levels.current_level, levels.next_level) == ("aal1", "aal1")
    with pytest.raises(AuthApiError) as wrong:
        await enter(browser, factor_id, "000000" if code_of(secret) != "000000" else "1")
    assert (wrong.value.code, wrong.value.status) == ("mfa_verification_failed", 422)

    await enter(browser, factor_id, code_of(secret))
    claims = await claims_of(browser)
    assert (claims["aal"], [each["method"] for each in claims["amr"]]) == (
        "aal2",
        ["totp", "password"],
    )
    await browser.auth.refresh_session()
    assert (await claims_of(browser))["aal"] == "aal2"
    found = await browser.auth.mfa.list_factors()
    assert [(each.id, each.status) for each in found.totp] == [(factor_id, "verified")]
    assert secret not in str(await browser.auth.get_user())


async def test_a_session_without_the_factor_ends_and_later_ones_are_limited(
    browser: Any, server: LocalSupabase, http: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    before = client_of(server, http)
    await before.auth.sign_in_with_password(person)
    factor_id, secret = await enroll(browser)
    await enter(browser, factor_id, code_of(secret))
    with pytest.raises(AuthApiError) as ended:
        await before.auth.refresh_session()
    # The client's type of codes does not have this one.
    assert str(ended.value.code) == "refresh_token_not_found"

    after = client_of(server, http)
    await after.auth.sign_in_with_password(person)
    refusals = []
    for attempt in (
        after.auth.update_user({"password": "another one"}),
        after.auth.mfa.unenroll({"factor_id": factor_id}),
        after.auth.mfa.enroll({"factor_type": "totp", "friendly_name": "mine"}),
    ):
        with pytest.raises(AuthApiError) as refused:
            await attempt
        refusals.append((refused.value.status, refused.value.code))
    assert refusals == [(status, "insufficient_aal") for status in (401, 422, 403)]
    await enter(after, factor_id, code_of(secret))
    await after.auth.update_user({"password": "another one"})


async def test_a_factor_is_removed_and_its_session_falls_back(
    browser: Any, server: LocalSupabase, http: httpx.AsyncClient
) -> None:
    factor_id, secret = await enroll(browser)
    await enter(browser, factor_id, code_of(secret))
    await browser.auth.mfa.unenroll({"factor_id": factor_id})
    await browser.auth.refresh_session()
    assert (await claims_of(browser))["aal"] == "aal1"

    again, secret = await enroll(browser)
    await enter(browser, again, code_of(secret))
    user_id = (await browser.auth.get_user()).user.id
    admin = client_of(server, http, SECRET).auth.admin
    listed = await admin.mfa.list_factors({"user_id": user_id})
    assert [each.id for each in listed] == [again]
    await admin.mfa.delete_factor({"user_id": user_id, "id": again})
    assert (await browser.auth.mfa.list_factors()).all == []


async def test_what_a_factor_is_refused_for(browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    factor_id, secret = await enroll(browser)
    challenge = await browser.auth.mfa.challenge({"factor_id": factor_id})
    attempt = {"factor_id": factor_id, "challenge_id": challenge.id, "code": code_of(secret)}
    found = []
    for call in (
        browser.auth.mfa.enroll({"factor_type": "totp", "friendly_name": "phone"}),
        browser.auth.mfa.challenge({"factor_id": str(uuid4())}),
        browser.auth.mfa.verify({**attempt, "challenge_id": str(uuid4())}),
    ):
        with pytest.raises(AuthApiError) as refused:
            await call
        found.append(refused.value.code)
    assert found == ["mfa_factor_name_conflict", "mfa_factor_not_found", "mfa_factor_not_found"]
    monkeypatch.setattr(factors, "CHALLENGE_SECONDS", -1)
    with pytest.raises(AuthApiError) as expired:
        await browser.auth.mfa.verify(attempt)
    assert expired.value.code == "mfa_challenge_expired"


async def test_factors_are_kept_across_restarts(tmp_path: Path) -> None:
    first = LocalSupabase(tmp_path / "state.json")
    user = first.user("ada@example.com")
    session = first.auth.new_session(user, "password")
    factor = first.auth.enroll(user, session, "phone")
    challenge = first.auth.challenge(user, factor.id)
    first.auth.verify_code(user, session, factor.id, challenge.id, code_of(factor.secret))
    first.stop()
    second = LocalSupabase(tmp_path / "state.json")
    try:
        (kept,) = second.user("ada@example.com").factors
        assert kept == factor
        assert second.auth.store.sessions[session.id].factor_id == factor.id
    finally:
        second.stop()
