"""Files in the backend's private bucket at Supabase Storage.

Users upload and download at signed addresses, so their files do not pass through this process. The
backend and its tasks copy files to and from disk without holding them in memory.

Supabase's own packages are imported when the first file is used, because their import is slow.
"""

import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote
from uuid import UUID

import httpx
from fastapi import Depends, Request
from uuid_utils import uuid7

from app.core.errors import AppError, ConflictError, NotFoundError, UnavailableError
from app.core.supabase.clients import Supabase, supabase_of

if TYPE_CHECKING:
    from storage3._async.file_api import AsyncBucketProxy

CHUNK = 1 << 18  # bytes
DOWNLOAD_SECONDS = 300  # for which a signed download address is valid


class TooLargeError(AppError):
    """The file is larger than the bucket or the caller accepts."""

    status = 413
    code = "file_too_large"


class FileTypeError(AppError):
    """The bucket does not accept files of this type."""

    status = 415
    code = "file_type_not_allowed"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Size and type of a file as Storage has them."""

    size: int  # bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class SignedUpload:
    """An address for the PUT of one file, valid once and for about two hours."""

    url: str
    token: str  # which Supabase's browser client needs, together with the key
    key: str


def new_key(owner: UUID, *, folder: str = "uploads") -> str:
    """Return the key of a new file, `folder/owner/id`.

    It holds no part of the user's file name: names have characters that Storage refuses, reveal too
    much in logs, and collide. Keep the name in a column.
    """
    return f"{folder}/{owner}/{uuid7()}"


class Storage:
    """The bucket.

    `sign_download`, `info` and `download` raise NotFoundError if there is no such file. All methods
    raise UnavailableError (`storage_unavailable`) if Storage does not answer as it should.
    """

    def __init__(self, supabase: Supabase) -> None:
        self._supabase = supabase
        self._settings = supabase.settings

    async def ensure_bucket(self) -> bool:
        """Create the bucket, or update its limits to the settings; return whether it is new."""
        limits: Any = {
            "public": False,
            "file_size_limit": self._settings.storage_max_bytes,
            "allowed_mime_types": self._settings.storage_mime_types or None,
        }
        storage, name = self._supabase.service.storage, self._settings.storage_bucket
        with _translate_errors(name):
            if name in [bucket.id for bucket in await storage.list_buckets()]:
                await storage.update_bucket(name, limits)
                return False
            await storage.create_bucket(name, options=limits)
            return True

    def check(self, size: int, content_type: str) -> None:
        """Refuse a file early that the bucket will not accept.

        Raises:
            TooLargeError: it is larger than STORAGE_MAX_BYTES.
            FileTypeError: its type is not in STORAGE_MIME_TYPES.
        """
        if size > self._settings.storage_max_bytes:
            raise TooLargeError(f"The file is above {self._settings.storage_max_bytes} bytes.")
        allowed = set(self._settings.storage_mime_types)
        kind = content_type.partition(";")[0].strip().lower()
        if allowed and not allowed & {kind, f"{kind.partition('/')[0]}/*"}:
            raise FileTypeError(f"Files of type {kind} are not accepted.")

    async def sign_upload(self, key: str) -> SignedUpload:
        """Return an address at which one file can be stored under `key` without an API key.

        Raises:
            ConflictError: there is a file with this key.
        """
        with _translate_errors(key):
            signed = await self._files.create_signed_upload_url(key)
        return SignedUpload(signed["signed_url"], signed["token"], key)

    async def sign_download(
        self, key: str, *, seconds: int = DOWNLOAD_SECONDS, filename: str | None = None
    ) -> str:
        """Return an address at which the file can be fetched without an API key.

        Args:
            key: of the file.
            seconds: for which the address is valid.
            filename: name under which browsers save it; without one, they show it.
        """
        options: Any = {"download": filename} if filename else {}
        with _translate_errors(key):
            signed = await self._files.create_signed_url(key, seconds, options)
        return str(signed["signedUrl"])

    async def info(self, key: str) -> StoredFile:
        """Return size and type as stored; those that the sender reports are not verified."""
        with _translate_errors(key):
            about = await self._files.info(key)
            return StoredFile(int(about["size"]), str(about["content_type"]))

    async def upload(self, key: str, path: Path, content_type: str) -> None:
        """Store the file at `path` under `key`; it is read while it is sent.

        Raises:
            ConflictError: there is a file with this key.
            TooLargeError: the bucket does not accept files of this size.
            FileTypeError: the bucket does not accept files of this type.
        """
        with _translate_errors(key), path.open("rb") as file:
            self.check(os.fstat(file.fileno()).st_size, content_type)
            await self._files.upload(key, file, {"content-type": content_type})

    async def download(self, key: str, path: Path, *, max_bytes: int | None = None) -> int:
        """Write the file to `path` and return its size in bytes; an error leaves no file there.

        Args:
            key: of the file.
            path: of the new file.
            max_bytes: refuse a larger file; by default STORAGE_MAX_BYTES.

        Raises:
            TooLargeError: it is larger than `max_bytes`.
        """
        limit = self._settings.storage_max_bytes if max_bytes is None else max_bytes
        draft = path.with_name(f"{path.name}.part")
        try:
            with _translate_errors(key), draft.open("wb") as file:
                async with self._stream(key) as chunks:
                    async for chunk in chunks:
                        if file.tell() + len(chunk) > limit:
                            raise TooLargeError(f"The file is above {limit} bytes.")
                        file.write(chunk)
                size = file.tell()
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        return size

    async def delete(self, *keys: str) -> None:
        """Delete files; a key without a file is no error."""
        with _translate_errors(", ".join(keys)):
            await self._files.remove(list(keys))

    @property
    def _files(self) -> "AsyncBucketProxy":
        return self._supabase.service.storage.from_(self._settings.storage_bucket)

    @asynccontextmanager
    async def _stream(self, key: str) -> AsyncIterator[AsyncIterator[bytes]]:
        # Not with Supabase's client: its `download` returns the whole file.
        url = f"{self._supabase.url}/storage/v1/object/{self._settings.storage_bucket}/{quote(key)}"
        headers = self._supabase.secret_headers
        async with self._supabase.http.stream("GET", url, headers=headers) as response:
            if not response.is_success:
                # The body has the status: that of the response is 400 in most cases.
                body = json.loads(await response.aread())
                raise _app_error(body["statusCode"], body["error"], key)
            yield response.aiter_bytes(CHUNK)


def storage_of(request: Request) -> Storage:
    """Return the bucket of the running API."""
    return Storage(supabase_of(request))


FileStorage = Annotated[Storage, Depends(storage_of)]


@contextmanager
def _translate_errors(key: str) -> Iterator[None]:
    from storage3.exceptions import StorageApiError
    from storage3.utils import StorageException

    try:
        yield
    except StorageApiError as error:
        raise _app_error(error.status, error.code, key) from error
    except (httpx.HTTPError, StorageException, ValueError, KeyError, TypeError) as error:
        raise _app_error(None, "", key) from error


def _app_error(status: int | str | None, code: str, key: str) -> AppError:
    match str(status):
        case "404" if code == "Bucket not found":
            return UnavailableError(
                "The storage bucket is missing: run `app storage ensure`.",
                code="storage_bucket_missing",
            )
        case "404":
            return NotFoundError(f"There is no file {key}.", code="file_not_found")
        case "409":
            return ConflictError(f"There is a file {key} already.", code="file_exists")
        case "413":
            return TooLargeError("The file is larger than the bucket accepts.")
        case "415":
            return FileTypeError("The bucket does not accept files of this type.")
    return UnavailableError(
        "The file storage does not answer as it should; try again shortly.",
        code="storage_unavailable",
    )
