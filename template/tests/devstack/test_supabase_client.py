"""The local Supabase, used by Supabase's own client.

With SUPABASE_TEST_URL, SUPABASE_TEST_PUBLISHABLE_KEY and SUPABASE_TEST_SECRET_KEY in the
environment, the tests use that project, except those that read the state of the local Supabase.
They create users and buckets, so use a project for tests: `supabase start`, with anonymous sign-ins
enabled.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from starlette.types import Receive, Scope, Send
from storage3.exceptions import StorageApiError
from supabase import AsyncClient, AsyncClientOptions
from supabase_auth.errors import AuthApiError, AuthWeakPasswordError

from devstack.ports import listen
from devstack.supabase import LocalSupabase
from devstack.supabase.storage import send as sending
from tests.devstack.processes import eventually

PUBLISHABLE, SECRET = "sb_publishable_test", "sb_secret_test"
PASSWORD = "correct horse"


@dataclass(frozen=True)
class Stack:
    """A Supabase, local or real."""

    url: str
    publishable_key: str
    secret_key: str


@pytest.fixture(scope="module")
def server() -> Iterator[LocalSupabase]:
    if "SUPABASE_TEST_URL" in os.environ:
        pytest.skip("reads the state of the local Supabase, but SUPABASE_TEST_URL is another one")
    with LocalSupabase(publishable_key=PUBLISHABLE, secret_key=SECRET) as running:
        yield running


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Stack | LocalSupabase:
    if url := os.environ.get("SUPABASE_TEST_URL"):
        names = ("SUPABASE_TEST_PUBLISHABLE_KEY", "SUPABASE_TEST_SECRET_KEY")
        return Stack(url, *(os.environ[name] for name in names))
    server: LocalSupabase = request.getfixturevalue("server")
    return server


@pytest.fixture(scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


def client_of(
    stack: Stack | LocalSupabase, http: httpx.AsyncClient, key: str, **more: Any
) -> AsyncClient:
    options = AsyncClientOptions(auto_refresh_token=False, httpx_client=http, **more)
    return AsyncClient(stack.url, key, options)


@pytest.fixture
def browser(stack: Stack | LocalSupabase, http: httpx.AsyncClient) -> AsyncClient:
    """A browser app without a signed-in user."""
    return client_of(stack, http, stack.publishable_key)


@pytest.fixture
def backend(stack: Stack | LocalSupabase, http: httpx.AsyncClient) -> AsyncClient:
    return client_of(stack, http, stack.secret_key)


def new_email() -> str:
    return f"{uuid4().hex}@example.com"


async def test_sign_up_sign_in_refresh_and_out(browser: AsyncClient) -> None:
    person: Any = {"email": new_email(), "password": PASSWORD}
    with_name: Any = {**person, "options": {"data": {"name": "Ada"}}}
    signed_up = await browser.auth.sign_up(with_name)
    assert signed_up.user
    assert signed_up.user.user_metadata["name"] == "Ada"

    first = (await browser.auth.sign_in_with_password(person)).session
    assert first
    second = (await browser.auth.refresh_session(first.refresh_token)).session
    assert second
    assert second.refresh_token != first.refresh_token

    await browser.auth.update_user({"data": {"name": "Bo"}, "password": "another one"})
    known = await browser.auth.get_user()
    assert known
    assert known.user.user_metadata["name"] == "Bo"
    await browser.auth.sign_out()
    with pytest.raises(AuthApiError) as ended:
        await browser.auth.get_user(second.access_token)
    assert ended.value.code == "session_not_found"


async def test_claims_are_verified_by_the_key_set(browser: AsyncClient) -> None:
    await browser.auth.sign_up({"email": new_email(), "password": PASSWORD})
    found = await browser.auth.get_claims()
    assert found
    assert found["headers"]["alg"] == "ES256"


async def test_the_client_understands_errors(browser: AsyncClient) -> None:
    with pytest.raises(AuthApiError) as wrong:
        await browser.auth.sign_in_with_password({"email": new_email(), "password": PASSWORD})
    assert (wrong.value.code, wrong.value.status) == ("invalid_credentials", 400)
    with pytest.raises(AuthWeakPasswordError) as weak:
        await browser.auth.sign_up({"email": new_email(), "password": "short"})
    assert weak.value.reasons == ["length"]


async def test_an_anonymous_user_adds_an_address(browser: AsyncClient) -> None:
    guest = await browser.auth.sign_in_anonymously()
    assert guest.user
    assert guest.user.is_anonymous
    found: Any = await browser.auth.get_claims()
    assert found["claims"]["is_anonymous"] is True

    email = new_email()
    await browser.auth.update_user({"email": email, "password": PASSWORD})
    known = await browser.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    assert known.user
    assert (known.user.id, known.user.is_anonymous) == (guest.user.id, False)


async def test_a_code_by_mail_signs_in_once(browser: AsyncClient, server: LocalSupabase) -> None:
    email = new_email()
    with pytest.raises(AuthApiError) as unknown:
        await browser.auth.sign_in_with_otp(
            {"email": email, "options": {"should_create_user": False}}
        )
    assert unknown.value.code == "otp_disabled"
    await browser.auth.sign_in_with_otp({"email": email})
    code = server.mailbox.mails[-1].code
    signed_in = await browser.auth.verify_otp({"email": email, "token": code, "type": "email"})
    assert signed_in.user
    assert signed_in.user.email_confirmed_at
    with pytest.raises(AuthApiError) as again:
        await browser.auth.verify_otp({"email": email, "token": code, "type": "email"})
    assert again.value.code == "otp_expired"


async def test_a_link_by_mail_returns_a_code_for_this_client_only(
    browser: AsyncClient, server: LocalSupabase, http: httpx.AsyncClient
) -> None:
    back = "http://localhost:5173/welcome"
    await browser.auth.sign_in_with_otp(
        {"email": new_email(), "options": {"email_redirect_to": back}}
    )
    answer = await http.get(server.mailbox.mails[-1].link)
    target = answer.headers["location"]
    assert target.startswith(f"{back}?code=")
    code = parse_qs(urlsplit(target).query)["code"][0]

    exchange: Any = {"auth_code": code}
    forged: Any = {"auth_code": code, "code_verifier": "x" * 43}
    with pytest.raises(AuthApiError) as stolen:
        await browser.auth.exchange_code_for_session(forged)
    assert stolen.value.code == "bad_code_verifier"
    assert (await browser.auth.exchange_code_for_session(exchange)).session
    with pytest.raises(AuthApiError) as again:
        await browser.auth.exchange_code_for_session(forged)
    assert again.value.code == "flow_state_not_found"


async def test_a_forgotten_password(browser: AsyncClient, server: LocalSupabase) -> None:
    email = new_email()
    await browser.auth.sign_up({"email": email, "password": PASSWORD})
    await browser.auth.sign_out()
    await browser.auth.reset_password_for_email(email)
    mail = server.mailbox.mails[-1]
    assert mail.kind == "recovery"
    await browser.auth.verify_otp({"token_hash": mail.token_hash, "type": "recovery"})
    await browser.auth.update_user({"password": "a new one"})
    await browser.auth.sign_in_with_password({"email": email, "password": "a new one"})
    # The response does not reveal that the address has no account.
    sent = len(server.mailbox.mails)
    await browser.auth.reset_password_for_email(new_email())
    assert len(server.mailbox.mails) == sent


async def test_mails_are_listed_and_links_return_only_to_this_machine(
    browser: AsyncClient, server: LocalSupabase, http: httpx.AsyncClient
) -> None:
    implicit = client_of(server, http, PUBLISHABLE, flow_type="implicit")
    email = new_email()
    await implicit.auth.sign_in_with_otp(
        {"email": email, "options": {"email_redirect_to": "https://evil.example/?a=b"}}
    )
    page = (await http.get(f"{server.url}/mails")).text
    assert email in page
    mails = await http.get(f"{server.url}/mails", headers={"Accept": "application/json"})
    link = mails.json()[0]["link"]
    target = (await http.get(link)).headers["location"]
    assert target.startswith(f"{server.url}/#access_token=")
    assert (await http.get(link)).headers["location"].startswith(f"{server.url}/#error=")


async def test_the_admin_manages_users(backend: AsyncClient) -> None:
    admin = backend.auth.admin
    email = new_email()
    created = await admin.create_user({"email": email, "email_confirm": True})
    user_id = created.user.id
    await admin.update_user_by_id(user_id, {"ban_duration": "24h", "app_metadata": {"a": 1}})
    shown = (await admin.get_user_by_id(user_id)).user
    assert shown.banned_until
    assert shown.app_metadata["a"] == 1
    pages = [await admin.list_users(page=page, per_page=1) for page in (1, 2)]
    assert pages[0][0].id == user_id
    assert [len(page) for page in pages] == [1, 1]
    await admin.delete_user(user_id)
    with pytest.raises(AuthApiError) as gone:
        await admin.get_user_by_id(user_id)
    assert gone.value.code == "user_not_found"


async def test_users_have_no_access_to_the_admin_api(browser: AsyncClient) -> None:
    await browser.auth.sign_up({"email": new_email(), "password": PASSWORD})
    with pytest.raises(AuthApiError) as refused:
        await browser.auth.admin.list_users()
    assert refused.value.status in (401, 403)


@pytest.fixture
async def bucket(backend: AsyncClient) -> str:
    name = f"bucket-{uuid4().hex[:8]}"
    await backend.storage.create_bucket(
        name, options={"file_size_limit": 1000, "allowed_mime_types": ["text/plain", "image/*"]}
    )
    return name


TEXT: Any = {"content-type": "text/plain"}


async def test_buckets(backend: AsyncClient, bucket: str) -> None:
    storage = backend.storage
    assert bucket in [each.id for each in await storage.list_buckets()]
    with pytest.raises(StorageApiError) as twice:
        await storage.create_bucket(bucket)
    assert (str(twice.value.status), twice.value.code) == ("409", "Duplicate")
    await storage.update_bucket(bucket, {"public": False, "file_size_limit": 7})
    assert (await storage.get_bucket(bucket)).file_size_limit == 7
    await storage.from_(bucket).upload("a", b"1", TEXT)
    with pytest.raises(StorageApiError):
        await storage.delete_bucket(bucket)
    await storage.empty_bucket(bucket)
    await storage.delete_bucket(bucket)
    with pytest.raises(StorageApiError) as gone:
        await storage.get_bucket(bucket)
    assert str(gone.value.status) == "404"


async def test_objects(backend: AsyncClient, bucket: str, tmp_path: Path) -> None:
    files = backend.storage.from_(bucket)
    path = tmp_path / "Grüße.txt"
    path.write_bytes(b"hello")
    stored = await files.upload("a/b c.txt", path, TEXT)
    assert stored.full_path == f"{bucket}/a/b c.txt"
    assert await files.download("a/b c.txt") == b"hello"
    about = await files.info("a/b c.txt")
    assert (about["size"], about["content_type"]) == (5, "text/plain")
    assert await files.exists("a/b c.txt")

    with pytest.raises(StorageApiError) as twice:
        await files.upload("a/b c.txt", b"x", TEXT)
    assert (str(twice.value.status), twice.value.code) == ("409", "Duplicate")
    await files.upload("a/b c.txt", b"again", {"content-type": "text/plain", "upsert": "true"})
    await files.update("a/b c.txt", b"anew!", TEXT)
    assert await files.download("a/b c.txt") == b"anew!"

    await files.copy("a/b c.txt", "c")
    await files.move("c", "d")
    names = [(each["name"], each["id"] is None) for each in await files.list()]
    assert names == [("a", True), ("d", False)]
    assert [each["name"] for each in await files.list("a")] == ["b c.txt"]
    assert [each["name"] for each in await files.remove(["d", "nothing"])] == ["d"]
    assert not await files.exists("d")


@pytest.mark.parametrize(
    ("key", "data", "kind", "status", "error"),
    [
        ("large", b"x" * 1001, "text/plain", "413", "Payload too large"),
        ("kind", b"x", "application/pdf", "415", "invalid_mime_type"),
        ("schön", b"x", "text/plain", "400", "InvalidKey"),
    ],
)
async def test_a_bucket_refuses_size_type_and_key(
    backend: AsyncClient, bucket: str, key: str, data: bytes, kind: str, status: str, error: str
) -> None:
    with pytest.raises(StorageApiError) as refused:
        await backend.storage.from_(bucket).upload(key, data, {"content-type": kind})
    assert (str(refused.value.status), refused.value.code) == (status, error)
    assert await backend.storage.from_(bucket).list() == []


async def test_a_file_removed_during_its_download_is_complete(
    server: LocalSupabase, backend: AsyncClient, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late(sending.OpenFile):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            assert server.storage.remove(bucket, ["short-lived.txt"])
            await super().__call__(scope, receive, send)

    files = backend.storage.from_(bucket)
    await files.upload("short-lived.txt", b"all of it", TEXT)
    with monkeypatch.context() as patch:
        patch.setattr(sending, "OpenFile", Late)
        assert await files.download("short-lived.txt") == b"all of it"
    with pytest.raises(StorageApiError) as gone:
        await files.download("short-lived.txt")
    assert gone.value.code == "not_found"


@pytest.mark.parametrize(
    ("asked", "status"), [("bytes=0-2", 206), ("bytes=99-", 416), ("bytes=x", 416), (None, 200)]
)
async def test_a_file_is_closed_after_the_response(
    server: LocalSupabase,
    backend: AsyncClient,
    http: httpx.AsyncClient,
    bucket: str,
    asked: str | None,
    status: int,
) -> None:
    files = backend.storage.from_(bucket)
    await files.upload("a.txt", b"some text", TEXT)
    kept = server.storage.file(server.storage.get(bucket, "a.txt")).stat()
    url = str((await files.create_signed_url("a.txt", 60))["signedUrl"])
    assert (await http.get(url, headers={"Range": asked} if asked else {})).status_code == status

    def is_closed() -> bool:
        for entry in Path("/dev/fd").iterdir():
            with suppress(OSError):  # the descriptor that lists them is closed already
                if os.path.samestat(os.fstat(int(entry.name)), kept):
                    return False
        return True

    assert eventually(is_closed)


async def test_a_signed_upload_is_for_one_key(
    backend: AsyncClient, browser: AsyncClient, bucket: str
) -> None:
    signed = await backend.storage.from_(bucket).create_signed_upload_url("mine.txt")
    files = browser.storage.from_(bucket)
    with pytest.raises(StorageApiError) as other:
        await files.upload_to_signed_url("theirs.txt", signed["token"], b"x", TEXT)
    assert other.value.code == "InvalidSignature"
    await files.upload_to_signed_url("mine.txt", signed["token"], b"x", TEXT)
    with pytest.raises(StorageApiError) as again:
        await files.upload_to_signed_url("mine.txt", signed["token"], b"y", TEXT)
    assert again.value.code == "Duplicate"


async def test_a_signed_download_is_for_one_key_and_expires(
    backend: AsyncClient, http: httpx.AsyncClient, bucket: str
) -> None:
    files = backend.storage.from_(bucket)
    for name in ("mine.txt", "theirs.txt"):
        await files.upload(name, name.encode(), TEXT)
    url = str((await files.create_signed_url("mine.txt", 60, {"download": "x.txt"}))["signedUrl"])
    answer = await http.get(url)
    assert answer.content == b"mine.txt"
    assert "x.txt" in answer.headers["content-disposition"]
    assert (await http.get(url.replace("mine", "theirs"))).json()["error"] == "InvalidSignature"
    upload = await files.create_signed_upload_url("new.txt")
    crossed = url.partition("?")[0].replace("mine", "new") + f"?token={upload['token']}"
    assert (await http.get(crossed)).json()["error"] == "InvalidSignature"
    assert (await http.get(url.replace("token=", "token=x"))).json()["error"] == "InvalidJWT"
    for seconds in (0, -1):
        with pytest.raises(StorageApiError):
            await files.create_signed_url("mine.txt", seconds)
    several = await files.create_signed_urls(["mine.txt", "nothing"], 60)
    assert [each["error"] is None for each in several] == [True, False]


async def test_other_callers_have_no_access(
    backend: AsyncClient, browser: AsyncClient, http: httpx.AsyncClient, bucket: str
) -> None:
    await backend.storage.from_(bucket).upload("a", b"1", TEXT)
    await browser.auth.sign_up({"email": new_email(), "password": PASSWORD})
    files = browser.storage.from_(bucket)
    assert await files.list() == []
    assert await files.remove(["a"]) == []
    for attempt in (files.download("a"), files.info("a"), files.upload("b", b"1", TEXT)):
        with pytest.raises(StorageApiError):
            await attempt
    assert await backend.storage.from_(bucket).download("a") == b"1"
    base = f"{browser.storage_url}object"
    assert (await http.get(f"{base}/{bucket}/a")).status_code == 400
    assert (await http.get(f"{base}/public/{bucket}/a")).status_code == 400
    await backend.storage.update_bucket(bucket, {"public": True})
    assert (await http.get(f"{base}/public/{bucket}/a")).content == b"1"


async def test_objects_and_signed_urls_survive_a_restart(
    tmp_path: Path, http: httpx.AsyncClient
) -> None:
    state = tmp_path / "supabase.json"
    with LocalSupabase(state, secret_key=SECRET) as first:
        storage = client_of(first, http, SECRET).storage
        await storage.create_bucket("kept")
        await storage.from_("kept").upload("a", b"1", TEXT)
        url = str((await storage.from_("kept").create_signed_url("a", 60))["signedUrl"])
    port = int(first.url.rsplit(":", 1)[1])
    with LocalSupabase(state, secret_key=SECRET, listening=listen(port)) as second:
        storage = client_of(second, http, SECRET).storage
        assert await storage.from_("kept").download("a") == b"1"
        assert (await http.get(url)).content == b"1"
