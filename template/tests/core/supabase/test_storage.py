"""The bucket: addresses, limits, and files that are not held in memory."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from app.cli import build
from app.core.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    SettingsError,
    UnavailableError,
)
from app.core.settings import CoreSettings, get_settings, load_settings
from app.core.supabase import storage as module
from app.core.supabase.clients import Supabase
from app.core.supabase.storage import FileTypeError, Storage, StoredFile, TooLargeError, new_key
from devstack.supabase import LocalSupabase

TEXT = {"content-type": "text/plain"}
OWNER = UUID("01980000-0000-7000-8000-000000000001")
MEGABYTE = 1 << 20


def with_bucket(name: str, **changes: Any) -> CoreSettings:
    return get_settings().model_copy(update={"storage_bucket": name, **changes})


def facts(content: bytes) -> dict[str, Any]:
    return {"size": len(content), "sha256": sha256(content).hexdigest()}


@pytest.fixture
async def project(supabase: LocalSupabase) -> AsyncIterator[Supabase]:
    settings = with_bucket(
        f"b{uuid4().hex[:8]}",
        storage_max_bytes=MEGABYTE,
        storage_mime_types=["text/plain", "image/*"],
    )
    async with Supabase(settings) as project:
        yield project


@pytest.fixture
async def storage(project: Supabase) -> Storage:
    storage = Storage(project)
    assert await storage.ensure_bucket() is True
    return storage


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    path = tmp_path / "hello.txt"
    path.write_bytes(b"hello")
    return path


@pytest.fixture
def failing(supabase: LocalSupabase) -> Iterator[LocalSupabase]:
    yield supabase
    supabase.traffic.heal()


def test_keys_are_unique() -> None:
    keys = {new_key(OWNER) for _ in range(1000)}
    assert len(keys) == 1000
    folder, owner, last = keys.pop().split("/")
    assert (folder, UUID(owner), UUID(last).version) == ("uploads", OWNER, 7)


async def test_the_bucket_is_private_and_follows_the_settings(
    storage: Storage, project: Supabase
) -> None:
    name = project.settings.storage_bucket
    assert await storage.ensure_bucket() is False
    bucket = await project.service.storage.get_bucket(name)
    assert (bucket.public, bucket.file_size_limit) == (False, MEGABYTE)
    assert bucket.allowed_mime_types == ["text/plain", "image/*"]
    # The bucket was made public by hand: the command makes it private again.
    await project.service.storage.update_bucket(name, {"public": True})
    changed = with_bucket(name, storage_max_bytes=7, storage_mime_types=[])
    async with Supabase(changed) as other:
        await Storage(other).ensure_bucket()
    bucket = await project.service.storage.get_bucket(name)
    assert (bucket.public, bucket.file_size_limit, bucket.allowed_mime_types) == (False, 7, None)


async def test_the_bucket_is_compared_with_the_settings(
    storage: Storage, project: Supabase
) -> None:
    assert await storage.differences() == []
    name = project.settings.storage_bucket
    await project.service.storage.update_bucket(name, {"public": True, "file_size_limit": 7})
    assert await storage.differences() == ["public", "file_size_limit"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"storage_max_bytes": 200_000_000}, "STORAGE_MAX_BYTES"),
        ({"storage_mime_types": ["text/plain", "pdf"]}, "STORAGE_MIME_TYPES"),
    ],
)
@pytest.mark.parametrize("new", [True, False])
async def test_a_refused_setting_is_named(
    storage: Storage, project: Supabase, changes: dict[str, Any], named: str, new: bool
) -> None:
    name = f"b{uuid4().hex[:8]}" if new else project.settings.storage_bucket
    async with Supabase(with_bucket(name, **changes)) as other:
        with pytest.raises(SettingsError, match=named):
            await Storage(other).ensure_bucket()


async def test_up_and_down_again(storage: Storage, hello: Path, tmp_path: Path) -> None:
    key = new_key(OWNER)
    await storage.upload(key, hello, "text/plain")
    about = await storage.info(key)
    assert (about.size, about.content_type) == (5, "text/plain")
    target = tmp_path / "again.txt"
    assert await storage.download(key, target) == 5
    assert target.read_bytes() == b"hello"
    await storage.delete(key)
    await storage.delete(key, "nothing")
    with pytest.raises(NotFoundError):
        await storage.info(key)


async def test_signed_addresses_need_no_api_key(storage: Storage, http: httpx.AsyncClient) -> None:
    key = new_key(OWNER)
    signed = await storage.sign_upload(key)
    assert (await http.put(signed.url, content=b"hello", headers=TEXT)).status_code == 200
    again = await http.put(signed.url, content=b"other", headers=TEXT)
    assert again.json()["error"] == "Duplicate"
    with pytest.raises(ConflictError):
        await storage.sign_upload(key)
    # The file is not at its key yet.
    with pytest.raises(NotFoundError):
        await storage.info(key)
    for _ in range(2):
        assert await storage.accept(key, **facts(b"hello")) == StoredFile(5, "text/plain")
    url = await storage.sign_download(key, seconds=60, filename="My letter.txt")
    answer = await http.get(url)
    assert answer.content == b"hello"
    assert "filename*=UTF-8''My%20letter.txt" in answer.headers["content-disposition"]
    assert "content-disposition" not in (await http.get(await storage.sign_download(key))).headers


async def test_limits_apply_here_and_at_the_signed_address(
    storage: Storage, tmp_path: Path, http: httpx.AsyncClient
) -> None:
    large, page = tmp_path / "large", tmp_path / "page"
    large.write_bytes(b"x" * (MEGABYTE + 1))
    page.write_bytes(b"<html>")
    with pytest.raises(TooLargeError):
        await storage.upload("a", large, "text/plain")
    with pytest.raises(FileTypeError):
        await storage.upload("a", page, "text/html; charset=utf-8")
    storage.check(MEGABYTE, "image/PNG")
    for body, kind in ((large.read_bytes(), "text/plain"), (b"x", "text/html")):
        signed = await storage.sign_upload(new_key(OWNER))
        answer = await http.put(signed.url, content=body, headers={"content-type": kind})
        assert answer.json()["statusCode"] in ("413", "415")


async def test_refusals_of_the_bucket_are_translated(
    storage: Storage, project: Supabase, hello: Path, tmp_path: Path
) -> None:
    name = project.settings.storage_bucket
    await storage.upload("taken", hello, "text/plain")
    with pytest.raises(ConflictError):
        await storage.upload("taken", hello, "text/plain")
    for attempt in (storage.sign_download("nothing"), storage.download("nothing", tmp_path / "x")):
        with pytest.raises(NotFoundError):
            await attempt
    # The bucket has other limits than the settings: the command was not run.
    lax = with_bucket(name, storage_max_bytes=2 * MEGABYTE, storage_mime_types=[])
    large = tmp_path / "large"
    large.write_bytes(b"x" * (MEGABYTE + 1))
    async with Supabase(lax) as other:
        with pytest.raises(TooLargeError):
            await Storage(other).upload("a", large, "text/plain")
        with pytest.raises(FileTypeError):
            await Storage(other).upload("a", hello, "text/html")


Call = Callable[[Storage, str, Path], Awaitable[object]]
CALLS: dict[str, Call] = {
    "upload": lambda storage, key, path: storage.upload(key, path, "text/plain"),
    "download": lambda storage, key, path: storage.download(key, path.with_name("copy")),
    "info": lambda storage, key, _: storage.info(key),
    "sign_upload": lambda storage, key, _: storage.sign_upload(key),
    "sign_download": lambda storage, key, _: storage.sign_download(key),
    "accept": lambda storage, key, _: storage.accept(key, **facts(b"")),
    "differences": lambda storage, _, __: storage.differences(),
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_missing_bucket_has_its_own_code(
    supabase: LocalSupabase, hello: Path, name: str
) -> None:
    async with Supabase(with_bucket("never-made")) as project:
        with pytest.raises(UnavailableError) as caught:
            await CALLS[name](Storage(project), "a", hello)
    assert caught.value.code == "storage_bucket_missing"


# Storage shows no private bucket to a caller without a valid key.
@pytest.mark.parametrize("name", sorted(CALLS.keys() - {"download"}))
async def test_a_wrong_key_has_its_own_code(
    storage: Storage, project: Supabase, hello: Path, name: str
) -> None:
    wrong = {"supabase_secret_key": SecretStr("sb_secret_wrong")}
    async with Supabase(project.settings.model_copy(update=wrong)) as other:
        with pytest.raises(UnavailableError) as caught:
            await CALLS[name](Storage(other), "a", hello)
    assert caught.value.code == "storage_key_refused"


BAD_KEYS = ("", "/x", "x/", "a//b", "a/../b", ".", "schön", 'a"b', "a%41b", "a#b", "a\nb", "a\\b")


@pytest.mark.parametrize("name", sorted(CALLS.keys() - {"differences"}))
async def test_a_bad_key_is_an_error_of_the_caller(
    storage: Storage, hello: Path, name: str
) -> None:
    for key in BAD_KEYS:
        with pytest.raises(InvalidError) as caught:
            await CALLS[name](storage, key, hello)
        assert (caught.value.status, caught.value.code) == (422, "file_key_invalid")
    with pytest.raises(InvalidError):
        await storage.delete("a", "/x")


async def test_keys_are_the_same_in_all_calls(
    storage: Storage, hello: Path, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    for key in ("a b", "a+b/c&d=e", "(x)*,@:;'!$", "...", "a?b"):
        await storage.upload(key, hello, "text/plain")
        assert (await http.get(await storage.sign_download(key))).content == b"hello"
        assert await storage.download(key, tmp_path / "copy") == 5
        await storage.delete(key)
        with pytest.raises(NotFoundError):
            await storage.info(key)
    await storage.delete()


async def test_other_bad_arguments_are_errors_of_the_caller(storage: Storage, hello: Path) -> None:
    await storage.upload("a", hello, "text/plain")
    with pytest.raises(InvalidError) as caught:
        await storage.sign_download("a", seconds=0)
    assert caught.value.code == "storage_refused"


async def test_an_upload_that_ends_later_changes_nothing(
    storage: Storage, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    key = new_key(OWNER)
    signed = await storage.sign_upload(key)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"e"
        begun.set()
        await go_on.wait()
        yield b"vil!"

    late = asyncio.create_task(http.put(signed.url, content=slowly(), headers=TEXT))
    await begun.wait()
    assert (await http.put(signed.url, content=b"hello", headers=TEXT)).status_code == 200
    await storage.accept(key, **facts(b"hello"))
    go_on.set()
    assert (await late).status_code == 200
    await storage.download(key, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"hello"
    await storage.accept(key, **facts(b"hello"))


async def test_what_was_not_announced_is_not_accepted(
    storage: Storage, http: httpx.AsyncClient
) -> None:
    async def in_chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield bytes(MEGABYTE // 4)

    # Storage limits the size of such an upload only if it knows the length before.
    large = new_key(OWNER)
    signed = await storage.sign_upload(large)
    assert (await http.put(signed.url, content=in_chunks(), headers=TEXT)).status_code == 200
    other = new_key(OWNER)
    signed = await storage.sign_upload(other)
    await http.put(signed.url, content=b"hullo", headers=TEXT)
    for key in (large, other):
        for _ in range(2):
            with pytest.raises(ConflictError) as caught:
                await storage.accept(key, **facts(b"hello"))
            assert caught.value.code == "file_differs"
    with pytest.raises(NotFoundError):
        await storage.accept(new_key(OWNER), **facts(b"hello"))


async def test_leftovers_are_deleted_after_a_day(
    storage: Storage,
    project: Supabase,
    supabase: LocalSupabase,
    hello: Path,
    http: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept, fresh, old = new_key(OWNER), new_key(OWNER), new_key(OWNER)
    await storage.upload(kept, hello, "text/plain")
    paths = []
    for key in (fresh, old):
        signed = await storage.sign_upload(key)
        await http.put(signed.url, content=b"hello", headers=TEXT)
        paths.append(signed.path)
    stored = supabase.storage.objects[project.settings.storage_bucket, paths[1]]
    stored.updated_at = stored.updated_at.replace("20", "19", 1)
    await storage.upload("incoming/folder/x", hello, "text/plain")
    assert await storage.delete_leftovers() == 1
    assert (await storage.info(kept)).size == 5
    await storage.accept(fresh, **facts(b"hello"))
    with pytest.raises(NotFoundError):
        await storage.accept(old, **facts(b"hello"))
    async with Supabase(with_bucket("never-made")) as other:
        assert await Storage(other).delete_leftovers() == 0


async def test_deleting_a_key_deletes_what_was_sent_for_it(
    storage: Storage, http: httpx.AsyncClient
) -> None:
    key = new_key(OWNER)
    signed = await storage.sign_upload(key)
    await http.put(signed.url, content=b"hello", headers=TEXT)
    await storage.delete(key)
    with pytest.raises(NotFoundError):
        await storage.accept(key, **facts(b"hello"))


async def test_a_failed_download_leaves_no_file(
    storage: Storage, hello: Path, tmp_path: Path, failing: LocalSupabase
) -> None:
    await storage.upload("a", hello, "text/plain")
    target = tmp_path / "out" / "a"
    target.parent.mkdir()
    with pytest.raises(TooLargeError):
        await storage.download("a", target, max_bytes=4)
    failing.traffic.fail(f"/storage/v1/object/{storage._settings.storage_bucket}/a", 500)
    with pytest.raises(UnavailableError):
        await storage.download("a", target)
    assert list(target.parent.iterdir()) == []


async def test_an_outage_has_its_own_code(
    storage: Storage, hello: Path, failing: LocalSupabase
) -> None:
    bucket = storage._settings.storage_bucket
    # A proxy may answer 404 without a body of Storage, and a 200 with another body.
    for status, body in ((500, b"{}"), (404, b'{"message": "no route"}'), (200, b"[]"), (400, b"")):
        for path in (f"info/{bucket}/a", f"sign/{bucket}/a"):
            failing.traffic.fail(f"/storage/v1/object/{path}", status, body=body)
        for name in ("info", "sign_download"):
            with pytest.raises(UnavailableError) as caught:
                await CALLS[name](storage, "a", hello)
            assert caught.value.code == "storage_unavailable"
    failing.traffic.fail(f"/storage/v1/object/{bucket}/a", 500)
    with pytest.raises(UnavailableError):
        await storage.upload("a", hello, "text/plain")


async def test_a_large_file_is_not_held_in_memory(supabase: LocalSupabase, tmp_path: Path) -> None:
    size = 32 * MEGABYTE
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        for number in range(32):
            file.write(bytes([number]) * MEGABYTE)
    settings = with_bucket(f"b{uuid4().hex[:8]}", storage_max_bytes=size)
    async with Supabase(settings) as project:
        storage = Storage(project)
        await storage.ensure_bucket()
        # Client and server are in this process.
        tracemalloc.start()
        try:
            await storage.upload("large", source, "application/octet-stream")
            assert await storage.download("large", target) == size
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < size / 4
    with source.open("rb") as ours, target.open("rb") as theirs:
        while chunk := ours.read(module.CHUNK):
            assert theirs.read(module.CHUNK) == chunk


async def test_the_command_creates_the_bucket(
    supabase: LocalSupabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"b{uuid4().hex[:8]}"
    monkeypatch.setenv("STORAGE_BUCKET", name)
    load_settings.cache_clear()
    try:
        for _ in range(2):
            done = await asyncio.to_thread(CliRunner().invoke, build(), ["storage", "ensure"])
            assert done.exit_code == 0, done.exception
            assert name in done.output
    finally:
        load_settings.cache_clear()
    assert not supabase.storage.buckets[name].public


@pytest.mark.usefixtures("fresh_settings")
async def test_doctor_finds_a_missing_and_a_different_bucket(
    supabase: LocalSupabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_BUCKET", f"b{uuid4().hex[:8]}")

    async def run(*command: str) -> str:
        load_settings.cache_clear()
        return (await asyncio.to_thread(CliRunner().invoke, build(), list(command))).output

    async def finding() -> str:
        lines = (await run("doctor")).splitlines()
        return next(line for line in lines if "storage" in line.split())

    assert not (await finding()).startswith("✓")
    await run("storage", "ensure")
    assert (await finding()).startswith("✓")
    monkeypatch.setenv("STORAGE_MAX_BYTES", "7")
    assert "file_size_limit" in await finding()
