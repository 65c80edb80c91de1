"""The bucket: addresses, limits, and files that are not held in memory."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from typer.testing import CliRunner

from app.cli import build
from app.core.errors import ConflictError, NotFoundError, UnavailableError
from app.core.settings import CoreSettings, get_settings, load_settings
from app.core.supabase import storage as module
from app.core.supabase.clients import Supabase
from app.core.supabase.storage import FileTypeError, Storage, TooLargeError, new_key
from devstack.supabase import LocalSupabase

OWNER = UUID("01980000-0000-7000-8000-000000000001")
MEGABYTE = 1 << 20


def with_bucket(name: str, **changes: Any) -> CoreSettings:
    return get_settings().model_copy(update={"storage_bucket": name, **changes})


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
    put = await http.put(signed.url, content=b"hello", headers={"content-type": "text/plain"})
    assert put.status_code == 200
    assert (await storage.info(key)).size == 5
    again = await http.put(signed.url, content=b"other", headers={"content-type": "text/plain"})
    assert again.json()["error"] == "Duplicate"
    url = await storage.sign_download(key, seconds=60, filename="My letter.txt")
    answer = await http.get(url)
    assert answer.content == b"hello"
    assert "My letter.txt" in answer.headers["content-disposition"]
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
    with pytest.raises(ConflictError):
        await storage.sign_upload("taken")
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


async def test_a_missing_bucket_has_its_own_code(
    supabase: LocalSupabase, hello: Path, tmp_path: Path
) -> None:
    async with Supabase(with_bucket("never-made")) as project:
        for attempt in (
            Storage(project).upload("a", hello, "text/plain"),
            Storage(project).sign_upload("a"),
        ):
            with pytest.raises(UnavailableError) as caught:
                await attempt
            assert caught.value.code == "storage_bucket_missing"


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
    for path in (f"info/{bucket}/a", f"sign/{bucket}/a", f"{bucket}/a"):
        failing.traffic.fail(f"/storage/v1/object/{path}", 500)
    attempts = (
        storage.info("a"),
        storage.sign_download("a"),
        storage.upload("a", hello, "text/plain"),
    )
    for attempt in attempts:
        with pytest.raises(UnavailableError) as caught:
            await attempt
        assert caught.value.code == "storage_unavailable"


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
