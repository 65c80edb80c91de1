"""Buckets and objects, by the rules of Supabase Storage, kept in one folder.

There are no policies on objects, like in a new project: the secret key allows everything, and users
may do only what a signed URL allows.
"""

import re
import secrets
import shutil
import time
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import jwt

from devstack.supabase.saved_state import SavedState
from devstack.supabase.store import timestamp

UPLOAD_SECONDS = 7200  # lifetime of a signed upload URL, as on the platform
KEY = re.compile(r"[\w/!\-.*'() &$@=;:+,?]+", re.ASCII)


class StorageError(Exception):
    """A response other than 200: `{statusCode, error, message}`."""

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error


@dataclass
class Bucket:
    """A container for objects, with its limits."""

    id: str
    public: bool = False
    file_size_limit: int | None = None  # bytes
    allowed_mime_types: list[str] | None = None
    created_at: str = field(default_factory=timestamp)
    updated_at: str = field(default_factory=timestamp)

    def to_json(self) -> dict[str, Any]:
        """Return the bucket as in the API."""
        return {**asdict(self), "name": self.id, "owner": "", "type": "STANDARD"}

    def check_limits(self, size: int, content_type: str) -> None:
        """Check an object against the limits.

        Raises:
            StorageError: it is too large, or its type is not allowed.
        """
        if self.file_size_limit is not None and size > self.file_size_limit:
            message = "The object exceeded the maximum allowed size"
            raise StorageError(413, "Payload too large", message)
        kind = content_type.partition(";")[0].strip().lower()
        allowed = self.allowed_mime_types
        if allowed and not {kind, f"{kind.partition('/')[0]}/*"} & set(allowed):
            message = f"mime type {kind} is not supported"
            raise StorageError(415, "invalid_mime_type", message)


@dataclass
class Object:
    """Metadata of an object; its content is in a file with the id as its name."""

    bucket: str
    key: str
    size: int
    content_type: str
    cache_control: str = "no-cache"
    metadata: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: str = field(default_factory=timestamp)


class Storage(SavedState):
    """All buckets and objects."""

    def __init__(self, folder: Path) -> None:
        """See `SavedState`; the folder is created with the first change."""
        self._folder = folder
        self.buckets: dict[str, Bucket] = {}
        self.objects: dict[tuple[str, str], Object] = {}
        self.url_key = secrets.token_hex(32)
        super().__init__(folder / "index.json")

    def file(self, stored: Object) -> Path:
        """Return the path of an object's content."""
        return self._folder / stored.id

    def bucket(self, name: str) -> Bucket:
        """Return a bucket.

        Raises:
            StorageError: there is no such bucket.
        """
        if name not in self.buckets:
            raise StorageError(404, "Bucket not found", "Bucket not found")
        return self.buckets[name]

    def add_bucket(self, bucket: Bucket) -> None:
        """Add a bucket.

        Raises:
            StorageError: the name is in use.
        """
        with self.change():
            if bucket.id in self.buckets:
                raise StorageError(409, "Duplicate", "The resource already exists")
            self.buckets[bucket.id] = bucket

    def remove_bucket(self, name: str) -> None:
        """Remove an empty bucket.

        Raises:
            StorageError: there is no such bucket, or it is not empty.
        """
        with self.change():
            self.bucket(name)
            if any(bucket == name for bucket, _ in self.objects):
                message = "The bucket you tried to delete is not empty"
                raise StorageError(409, "InvalidRequest", message)
            del self.buckets[name]

    def get(self, bucket: str, key: str) -> Object:
        """Return an object.

        Raises:
            StorageError: there is no such object.
        """
        if (bucket, key) not in self.objects:
            raise StorageError(404, "not_found", "Object not found")
        return self.objects[bucket, key]

    def put(self, stored: Object, source: Path, *, replace: bool) -> None:
        """Move the file `source` into the storage as the content of an object.

        Raises:
            StorageError: limits of the bucket, an invalid key, or a key in use without `replace`.
        """
        bucket = self.bucket(stored.bucket)
        if not KEY.fullmatch(stored.key):
            raise StorageError(400, "InvalidKey", f"Invalid key: {stored.key}")
        bucket.check_limits(stored.size, stored.content_type)
        with self.change():
            before = self.objects.get((stored.bucket, stored.key))
            if before and not replace:
                raise StorageError(409, "Duplicate", "The resource already exists")
            self._folder.mkdir(0o700, parents=True, exist_ok=True)
            shutil.move(source, self.file(stored))
            self.objects[stored.bucket, stored.key] = stored
            if before:
                self.file(before).unlink(missing_ok=True)

    def remove(self, bucket: str, keys: list[str]) -> list[Object]:
        """Remove objects, and return those that existed."""
        with self.change():
            found = [self.objects.pop((bucket, key), None) for key in keys]
            removed = [stored for stored in found if stored]
            for stored in removed:
                self.file(stored).unlink(missing_ok=True)
        return removed

    def move(self, bucket: str, source: str, target: str, *, keep: bool) -> Object:
        """Rename an object, or copy it with `keep`.

        Raises:
            StorageError: there is no such object, or the target exists.
        """
        stored = self.get(bucket, source)
        copy = Object(bucket, target, stored.size, stored.content_type, stored.cache_control)
        draft = self.file(copy).with_suffix(".copy")
        shutil.copyfile(self.file(stored), draft)
        try:
            self.put(copy, draft, replace=False)
        finally:
            draft.unlink(missing_ok=True)
        if not keep:
            self.remove(bucket, [source])
        return copy

    def sign(self, bucket: str, key: str, seconds: int, **claims: Any) -> str:
        """Return the token of a signed URL for one object."""
        payload = {"url": f"{bucket}/{key}", "exp": int(time.time()) + seconds, **claims}
        return jwt.encode(payload, self.url_key, algorithm="HS256")

    def verify(self, token: str, bucket: str, key: str, *, upload: bool) -> dict[str, Any]:
        """Return the claims of a signed URL.

        Raises:
            StorageError: the token is invalid, expired or for another URL.
        """
        try:
            claims: dict[str, Any] = jwt.decode(token, self.url_key, algorithms=["HS256"])
        except jwt.InvalidTokenError as error:
            raise StorageError(400, "InvalidJWT", str(error) or "Invalid JWT") from None
        if claims["url"] != f"{bucket}/{key}" or bool(claims.get("upload")) is not upload:
            raise StorageError(400, "InvalidSignature", "Invalid signature")
        return claims

    def _dump(self) -> dict[str, Any]:
        return {
            "url_key": self.url_key,
            "buckets": [asdict(bucket) for bucket in self.buckets.values()],
            "objects": [asdict(stored) for stored in self.objects.values()],
        }

    def _load(self, state: dict[str, Any]) -> None:
        self.url_key = state["url_key"]
        self.buckets = {each["id"]: Bucket(**each) for each in state["buckets"]}
        objects = [Object(**each) for each in state["objects"]]
        self.objects = {(each.bucket, each.key): each for each in objects}
