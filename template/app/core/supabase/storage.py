"""Files in the backend's private bucket at Supabase Storage.

Users upload and download at signed addresses, so their files do not pass through this process. The
backend and its tasks copy files to and from disk without holding them in memory. Requests use HTTP
directly, because Supabase's own client reads a whole file into memory and changes some keys.

A signed address stays valid after its first upload: Storage checks at the beginning of an upload
whether there is a file, and replaces it at the end. So an address leads to a key of its own below
`incoming/`, and `accept` moves the file to the key that the application knows.
"""

import hashlib
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

import httpx
from fastapi import Depends, Request
from uuid_utils import uuid7

from app.core.errors import (
    AppError,
    ConflictError,
    InvalidError,
    NotFoundError,
    SettingsError,
    UnavailableError,
)
from app.core.supabase.clients import Supabase, supabase_of, translate_failures

CHUNK = 1 << 18  # bytes
DOWNLOAD_SECONDS = 300  # for which a signed download address is valid
INCOMING = "incoming"
INCOMING_KEPT = timedelta(days=1)  # much longer than an upload address is valid
LEFTOVERS = 500  # deleted in one run; the next run continues
# The values of `error` in a 404, of all versions of Storage; a proxy has others.
NO_FILE = ("not_found", "Not found", "NoSuchKey")
NO_BUCKET = ("Bucket not found", "NoSuchBucket", "InvalidRequest")
# What Storage accepts, without segments that a URL cannot hold: empty ones, `.` and `..`.
KEY = re.compile(r"(?!.*(^|/)\.{0,2}(/|$))[\w/!.*'() &$@=;:+,?-]+", re.ASCII)


class TooLargeError(AppError):
    """The file is larger than the bucket or the caller accepts."""

    status = 413
    code = "file_too_large"


class FileTypeError(AppError):
    """The bucket does not accept files of this type."""

    status = 415
    code = "file_type_not_allowed"


class BucketMissingError(UnavailableError):
    """There is no bucket with the name in the settings."""

    code = "storage_bucket_missing"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Size and type of a file as Storage has them."""

    size: int  # bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class SignedUpload:
    """An address for the PUT of one file, valid for about two hours."""

    url: str
    token: str  # which Supabase's browser client needs, together with the path
    path: str


def new_key(owner: UUID, *, folder: str = "uploads") -> str:
    """Return the key of a new file, `folder/owner/id`.

    It holds no part of the user's file name: names have characters that Storage refuses, reveal too
    much in logs, and collide. Keep the name in a column.
    """
    return f"{folder}/{owner}/{uuid7()}"


class Storage:
    """The bucket.

    Methods that read a file raise NotFoundError (`file_not_found`) if there is none. All methods
    raise InvalidError (`file_key_invalid`, `storage_refused`) for a key or an argument that Storage
    does not accept. They raise UnavailableError with `storage_bucket_missing` or
    `storage_key_refused`, and with `storage_unavailable` if Storage does not answer as it should.
    """

    def __init__(self, supabase: Supabase) -> None:
        self._supabase = supabase
        self._settings = supabase.settings
        self._bucket = self._settings.storage_bucket
        self._limits = {
            "public": False,
            "file_size_limit": self._settings.storage_max_bytes,
            "allowed_mime_types": self._settings.storage_mime_types or None,
        }

    async def differences(self) -> list[str]:
        """Return the properties of the bucket that differ from the settings."""
        async with self._call("GET", f"bucket/{self._bucket}") as bucket:
            return [name for name, value in self._limits.items() if bucket[name] != value]

    async def ensure_bucket(self) -> bool:
        """Create the bucket, or update its limits to the settings; return whether it is new.

        Raises:
            SettingsError: Storage does not accept STORAGE_MAX_BYTES or STORAGE_MIME_TYPES.
        """
        method, path, new = "PUT", f"bucket/{self._bucket}", False
        try:
            await self.differences()
        except BucketMissingError:
            method, path, new = "POST", "bucket", True
        body = {"id": self._bucket, "name": self._bucket, **self._limits}
        try:
            async with self._call(method, path, json=body):
                return new
        except TooLargeError as error:
            raise SettingsError(
                f"STORAGE_MAX_BYTES={self._settings.storage_max_bytes} is above the file size "
                "limit of the project. Lower it, or raise that limit in the settings of Storage."
            ) from error
        except FileTypeError as error:
            raise SettingsError(
                f"STORAGE_MIME_TYPES={','.join(self._settings.storage_mime_types)} has an entry "
                "that is no media type. Write application/pdf or image/*, for example."
            ) from error

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
        """Return an address at which a file can be sent without an API key; see `accept`.

        Raises:
            ConflictError: a file was sent for this key and is not accepted yet.
        """
        path = _incoming(key)
        url = await self._sign(f"object/upload/sign/{self._path(path)}", "url")
        return SignedUpload(str(url), url.params["token"], path)

    async def accept(self, key: str, *, size: int, sha256: str) -> StoredFile:
        """Move the file that was sent for `key` to `key`, and compare it with what was announced.

        Afterwards, no upload can change it, also none that has begun already. The bucket's limits
        do not replace the comparison, because Storage does not apply them to every upload. The file
        is read once. A call that was interrupted can be repeated.

        Args:
            key: the argument of `sign_upload`, used for one file only.
            size: in bytes.
            sha256: in hexadecimal.

        Raises:
            NotFoundError: no file was sent.
            ConflictError: `file_differs`. The file stays at `key`, so that calls at the same time
                have one result; another file needs another key.
        """
        move = {
            "bucketId": self._bucket,
            "sourceKey": _incoming(key),
            "destinationKey": key,
        }
        # Another call may have moved the file.
        with suppress(NotFoundError, ConflictError):
            async with self._call("POST", "object/move", json=move):
                pass
        stored = await self.info(key)
        if stored.size != size or await self._sha256(key) != sha256:
            raise ConflictError(
                "The file that was sent differs from the announced one.", code="file_differs"
            )
        return stored

    async def delete_leftovers(self) -> int:
        """Delete files that were sent and not accepted within a day; return their number.

        An upload that ends after `accept` leaves such a file.
        """
        order = {"column": "updated_at", "order": "asc"}
        listing = {"prefix": INCOMING, "limit": LEFTOVERS, "sortBy": order}
        before = datetime.now(UTC) - INCOMING_KEPT
        async with self._call("POST", f"object/list/{self._bucket}", json=listing) as found:
            old = [
                f"{INCOMING}/{each['name']}"
                for each in found
                # A folder has no id and no times.
                if each["id"] and datetime.fromisoformat(each["updated_at"]) < before
            ]
        await self._remove(old)
        return len(old)

    async def sign_download(
        self, key: str, *, seconds: int = DOWNLOAD_SECONDS, filename: str | None = None
    ) -> str:
        """Return an address at which the file can be fetched without an API key.

        Args:
            key: of the file.
            seconds: for which the address is valid.
            filename: name under which browsers save it; without one, they show it.
        """
        path = f"object/sign/{self._path(key)}"
        url = await self._sign(path, "signedURL", key, json={"expiresIn": seconds})
        return str(url.copy_merge_params({"download": filename}) if filename else url)

    async def info(self, key: str) -> StoredFile:
        """Return size and type as stored; those that the sender reports are not verified."""
        async with self._call("GET", f"object/info/{self._path(key)}", key) as about:
            return StoredFile(int(about["size"]), str(about["content_type"]))

    async def upload(self, key: str, path: Path, content_type: str) -> None:
        """Store the file at `path` under `key`; it is read while it is sent.

        Raises:
            ConflictError: there is a file with this key.
            TooLargeError: the bucket does not accept files of this size.
            FileTypeError: the bucket does not accept files of this type.
        """
        with path.open("rb") as file:
            self.check(os.fstat(file.fileno()).st_size, content_type)
            form = {"file": ("file", file, content_type)}
            async with self._call("POST", f"object/{self._path(key)}", key, files=form):
                pass

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
            with draft.open("wb") as file:
                async with self._send("GET", f"object/{self._path(key)}", key) as response:
                    async for chunk in response.aiter_bytes(CHUNK):
                        if file.tell() + len(chunk) > limit:
                            raise TooLargeError(f"The file is above {limit} bytes.")
                        file.write(chunk)
                size = file.tell()
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        return size

    async def delete(self, *keys: str) -> None:
        """Delete files, also those sent and not accepted; a key without a file is no error."""
        await self._remove([each for key in keys for each in (key, _incoming(key))])

    async def _remove(self, keys: list[str]) -> None:
        if keys:
            async with self._call("DELETE", f"object/{self._bucket}", json={"prefixes": keys}):
                pass

    async def _sha256(self, key: str) -> str:
        digest = hashlib.sha256()
        async with self._send("GET", f"object/{self._path(key)}", key) as response:
            async for chunk in response.aiter_bytes(CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    async def _sign(self, path: str, name: str, key: str = "", **request: Any) -> httpx.URL:
        async with self._call("POST", path, key, **request) as signed:
            return httpx.URL(f"{self._supabase.url}/storage/v1{signed[name]}")

    @asynccontextmanager
    async def _call(self, *request: str, **body: Any) -> AsyncIterator[Any]:
        """Yield the JSON of a successful response; it may lack what the caller reads."""
        async with self._send(*request, **body) as response:
            yield json.loads(await response.aread())

    @asynccontextmanager
    async def _send(
        self, method: str, path: str, key: str = "", **body: Any
    ) -> AsyncIterator[httpx.Response]:
        """Yield a successful response; its body is not read yet."""
        url, headers = f"{self._supabase.url}/storage/v1/{path}", self._supabase.secret_headers
        with translate_failures("The file storage", "storage_unavailable"):
            async with self._supabase.http.stream(method, url, headers=headers, **body) as response:
                if not response.is_success:
                    raise _error(response.status_code, json.loads(await response.aread()), key)
                yield response

    def _path(self, key: str) -> str:
        return f"{self._bucket}/{quote(_valid(key))}"


def storage_of(request: Request) -> Storage:
    """Return the bucket of the running API."""
    return Storage(supabase_of(request))


FileStorage = Annotated[Storage, Depends(storage_of)]


def _valid(key: str) -> str:
    if not KEY.fullmatch(key):
        raise InvalidError(f"{key!r} cannot be the key of a file.", code="file_key_invalid")
    return key


def _incoming(key: str) -> str:
    # One folder without subfolders, which one request can list.
    return f"{INCOMING}/{hashlib.sha256(_valid(key).encode()).hexdigest()}"


def _error(status: int, body: dict[str, str], key: str) -> AppError:
    # The status of most errors is 400, and the body has the real one. A proxy has no `error`.
    reason = body.get("error", "")
    match int(body.get("statusCode", status)):
        case 401 | 403:
            return UnavailableError(
                "Supabase does not accept the key of this backend: check SUPABASE_SECRET_KEY.",
                code="storage_key_refused",
            )
        case 404 if reason in NO_BUCKET:
            return BucketMissingError("The storage bucket is missing: run `app storage ensure`.")
        case 404 if reason in NO_FILE:
            return NotFoundError(f"There is no file {key}.", code="file_not_found")
        case 409:
            return ConflictError(f"There is a file {key} already.", code="file_exists")
        case 413:
            return TooLargeError("The file is larger than the bucket accepts.")
        case 415:
            return FileTypeError("The bucket does not accept files of this type.")
        case 400 | 422 if reason:
            message = f"The file storage refuses this: {body.get('message', reason)}."
            return InvalidError(message, code="storage_refused")
    raise ValueError(f"unexpected status {status}")
