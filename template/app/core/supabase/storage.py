"""Files in the backend's one private bucket at Supabase Storage.

People send and fetch them at signed addresses, without a detour through this process; the backend
and its tasks move them to and from disk without holding them in memory.
"""

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
    from storage3.exceptions import StorageApiError

CHUNK = 1 << 18  # bytes
DOWNLOAD_SECONDS = 300  # that a signed download address is good for


class TooLargeError(AppError):
    """The file is larger than the bucket, or the caller, takes."""

    status = 413
    code = "file_too_large"


class FileTypeError(AppError):
    """The bucket does not take files of that kind."""

    status = 415
    code = "file_type_not_allowed"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What Storage knows of a file."""

    size: int  # bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class SignedUpload:
    """Where a person may PUT one file, once, for about two hours."""

    url: str
    token: str  # what Supabase's browser client asks for beside the key
    key: str


def new_key(owner: UUID, *, folder: str = "uploads") -> str:
    """Make the key of a new file, `folder/owner/id`.

    Nothing of a user's file name is in it: names hold what Storage refuses, say too much in logs,
    and clash. Keep the name in a column.
    """
    return f"{folder}/{owner}/{uuid7()}"


class Storage:
    """The bucket; every method may raise UnavailableError (`storage_unavailable`)."""

    def __init__(self, supabase: Supabase) -> None:
        self._supabase = supabase
        self._settings = supabase.settings

    async def ensure_bucket(self) -> bool:
        """Make the bucket, or give it the limits of the settings; whether it was made."""
        limits: Any = {
            "public": False,
            "file_size_limit": self._settings.storage_max_bytes,
            "allowed_mime_types": self._settings.storage_mime_types or None,
        }
        storage, name = self._supabase.service.storage, self._settings.storage_bucket
        with _readable(name):
            if name in [bucket.id for bucket in await storage.list_buckets()]:
                await storage.update_bucket(name, limits)
                return False
            await storage.create_bucket(name, options=limits)
            return True

    def check(self, size: int, content_type: str) -> None:
        """Refuse early what the bucket will not take.

        Raises:
            TooLargeError: above STORAGE_MAX_BYTES.
            FileTypeError: not among STORAGE_MIME_TYPES.
        """
        if size > self._settings.storage_max_bytes:
            raise TooLargeError(f"The file is above {self._settings.storage_max_bytes} bytes.")
        allowed = set(self._settings.storage_mime_types)
        kind = content_type.partition(";")[0].strip().lower()
        if allowed and not allowed & {kind, f"{kind.partition('/')[0]}/*"}:
            raise FileTypeError(f"Files of type {kind} are not taken.")

    async def sign_upload(self, key: str) -> SignedUpload:
        """Let somebody without a key store one file under `key`.

        Raises:
            ConflictError: there is a file of that key.
        """
        with _readable(key):
            signed = await self._files.create_signed_upload_url(key)
        return SignedUpload(signed["signed_url"], signed["token"], key)

    async def sign_download(
        self, key: str, *, seconds: int = DOWNLOAD_SECONDS, filename: str | None = None
    ) -> str:
        """Return an address at which anybody may fetch the file for a while.

        Args:
            key: of the file.
            seconds: how long.
            filename: name to save it under; without one, a browser shows it.

        Raises:
            NotFoundError: there is no such file.
        """
        options: Any = {"download": filename} if filename else {}
        with _readable(key):
            signed = await self._files.create_signed_url(key, seconds, options)
        return str(signed["signedUrl"])

    async def info(self, key: str) -> StoredFile:
        """Return size and type as stored: what the sender says is only a claim.

        Raises:
            NotFoundError: there is no such file.
        """
        with _readable(key):
            about = await self._files.info(key)
            return StoredFile(int(about["size"]), str(about["content_type"]))

    async def upload(self, key: str, path: Path, content_type: str) -> None:
        """Store the file at `path` under `key`; it is read while it is sent.

        Raises:
            ConflictError: there is a file of that key.
            TooLargeError: the bucket does not take files of that size.
            FileTypeError: the bucket does not take files of that type.
        """
        with _readable(key), path.open("rb") as file:
            self.check(os.fstat(file.fileno()).st_size, content_type)
            await self._files.upload(key, file, {"content-type": content_type})

    async def download(self, key: str, path: Path, *, max_bytes: int | None = None) -> int:
        """Write the file to `path` and return its size in bytes; nothing half is left there.

        Args:
            key: of the file.
            path: where to.
            max_bytes: refuse more, by default more than STORAGE_MAX_BYTES.

        Raises:
            NotFoundError: there is no such file.
            TooLargeError: it is larger than `max_bytes`.
        """
        limit = self._settings.storage_max_bytes if max_bytes is None else max_bytes
        draft = path.with_name(f"{path.name}.part")
        try:
            with _readable(key), draft.open("wb") as file:
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
        """Delete files; one that is not there is no error."""
        with _readable(", ".join(keys)):
            await self._files.remove(list(keys))

    @property
    def _files(self) -> "AsyncBucketProxy":
        return self._supabase.service.storage.from_(self._settings.storage_bucket)

    @asynccontextmanager
    async def _stream(self, key: str) -> AsyncIterator[AsyncIterator[bytes]]:
        # Not by Supabase's client: its `download` returns the whole file.
        url = f"{self._supabase.url}/storage/v1/object/{self._settings.storage_bucket}/{quote(key)}"
        headers = self._supabase.secret_headers
        async with self._supabase.http.stream("GET", url, headers=headers) as answer:
            if not answer.is_success:
                await answer.aread()
                raise _refused(answer)
            yield answer.aiter_bytes(CHUNK)


def storage_of(request: Request) -> Storage:
    """The bucket, for routes."""
    return Storage(supabase_of(request))


FileStorage = Annotated[Storage, Depends(storage_of)]


def _refused(answer: httpx.Response) -> "StorageApiError":
    from storage3.exceptions import StorageApiError

    # The status that counts stands in the body; that of the answer is mostly 400.
    body = answer.json()
    return StorageApiError(body["message"], body["error"], body["statusCode"])


@contextmanager
def _readable(what: str) -> Iterator[None]:
    """Turn the errors of Storage into the backend's."""
    from storage3.exceptions import StorageApiError
    from storage3.utils import StorageException

    try:
        yield
    except StorageApiError as error:
        raise _explained(error, what) from error
    except (httpx.HTTPError, StorageException, ValueError, KeyError) as error:
        raise _unavailable() from error


def _explained(error: "StorageApiError", what: str) -> AppError:
    match str(error.status):
        case "404" if error.code != "Bucket not found":
            return NotFoundError(f"There is no file {what}.", code="file_not_found")
        case "404":
            return UnavailableError(
                "The storage bucket is missing: run `app storage ensure`.",
                code="storage_bucket_missing",
            )
        case "409":
            return ConflictError(f"There is a file {what} already.", code="file_exists")
        case "413":
            return TooLargeError("The file is larger than the bucket takes.")
        case "415":
            return FileTypeError("The bucket does not take files of that type.")
        case _:
            return _unavailable()


def _unavailable() -> UnavailableError:
    return UnavailableError(
        "The file storage does not answer as it should; try again shortly.",
        code="storage_unavailable",
    )
