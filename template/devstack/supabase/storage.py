"""Buckets and objects, by the rules of Supabase Storage; kept in one folder across restarts.

There are no policies on objects, as in a new project: the secret key may do everything, and users
nothing but what a signed address allows them.
"""

import json
import re
import secrets
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import jwt

from devstack.errors import DevStackError
from devstack.files import write_private
from devstack.supabase.store import timestamp

UPLOAD_SECONDS = 7200  # that a signed upload address is good for, as on the platform
KEY = re.compile(r"[\w/!\-.*'() &$@=;:+,?]+", re.ASCII)


class StorageError(Exception):
    """An answer other than 200: `{statusCode, error, message}`."""

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error


@dataclass
class Bucket:
    """A place for objects, with its limits."""

    id: str
    public: bool = False
    file_size_limit: int | None = None  # bytes
    allowed_mime_types: list[str] | None = None
    created_at: str = field(default_factory=timestamp)
    updated_at: str = field(default_factory=timestamp)

    def shown(self) -> dict[str, Any]:
        """As the API shows it."""
        return {**asdict(self), "name": self.id, "owner": "", "type": "STANDARD"}

    def admit(self, size: int, content_type: str) -> None:
        """Let an object in.

        Raises:
            StorageError: it is too large, or of a kind that is not allowed.
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
    """A file; its bytes lie in a file of its own, named by the id."""

    bucket: str
    key: str
    size: int
    content_type: str
    cache_control: str = "no-cache"
    metadata: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: str = field(default_factory=timestamp)


class Storage:
    """Everything that is stored."""

    def __init__(self, folder: Path) -> None:
        """Read what is kept in `folder`, which is made when missing.

        Raises:
            DevStackError: the folder holds something else.
        """
        self._folder = folder
        self._lock = threading.RLock()
        self.buckets: dict[str, Bucket] = {}
        self.objects: dict[tuple[str, str], Object] = {}
        self.url_key = secrets.token_hex(32)
        index = folder / "index.json"
        if index.exists():
            self._load(index)

    def file(self, stored: Object) -> Path:
        """Where the bytes of an object lie."""
        return self._folder / stored.id

    def bucket(self, name: str) -> Bucket:
        """Return a bucket.

        Raises:
            StorageError: there is none of that name.
        """
        if name not in self.buckets:
            raise StorageError(404, "Bucket not found", "Bucket not found")
        return self.buckets[name]

    def add_bucket(self, bucket: Bucket) -> None:
        """Make a bucket.

        Raises:
            StorageError: there is one of that name.
        """
        with self.change():
            if bucket.id in self.buckets:
                raise StorageError(409, "Duplicate", "The resource already exists")
            self.buckets[bucket.id] = bucket

    def remove_bucket(self, name: str) -> None:
        """Remove an empty bucket.

        Raises:
            StorageError: there is none, or it holds objects.
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
            StorageError: there is none of that name.
        """
        if (bucket, key) not in self.objects:
            raise StorageError(404, "not_found", "Object not found")
        return self.objects[bucket, key]

    def put(self, stored: Object, source: Path, *, replace: bool) -> None:
        """Take the file at `source` over as an object.

        Raises:
            StorageError: the bucket does not admit it, the name is no good or taken.
        """
        bucket = self.bucket(stored.bucket)
        if not KEY.fullmatch(stored.key):
            raise StorageError(400, "InvalidKey", f"Invalid key: {stored.key}")
        bucket.admit(stored.size, stored.content_type)
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
        """Remove objects, and return those that were there."""
        with self.change():
            gone = [self.objects.pop((bucket, key), None) for key in keys]
            for stored in gone:
                if stored:
                    self.file(stored).unlink(missing_ok=True)
        return [stored for stored in gone if stored]

    def move(self, bucket: str, source: str, target: str, *, keep: bool) -> Object:
        """Give an object another name, or a copy of that name.

        Raises:
            StorageError: there is no such object, or the name is taken.
        """
        stored = self.get(bucket, source)
        copy = Object(bucket, target, stored.size, stored.content_type, stored.cache_control)
        twin = self.file(copy).with_suffix(".copy")
        shutil.copyfile(self.file(stored), twin)
        try:
            self.put(copy, twin, replace=False)
        finally:
            twin.unlink(missing_ok=True)
        if not keep:
            self.remove(bucket, [source])
        return copy

    def sign(self, bucket: str, key: str, seconds: int, **claims: Any) -> str:
        """Make the token of a signed address, bound to the object's name."""
        payload = {"url": f"{bucket}/{key}", "exp": int(time.time()) + seconds, **claims}
        return jwt.encode(payload, self.url_key, algorithm="HS256")

    def signed(self, token: str, bucket: str, key: str, *, upload: bool) -> dict[str, Any]:
        """Return what a signed address allows.

        Raises:
            StorageError: it was not made here, is over, or is another's.
        """
        try:
            claims: dict[str, Any] = jwt.decode(token, self.url_key, algorithms=["HS256"])
        except jwt.InvalidTokenError as error:
            raise StorageError(400, "InvalidJWT", str(error) or "Invalid JWT") from None
        if claims["url"] != f"{bucket}/{key}" or bool(claims.get("upload")) is not upload:
            raise StorageError(400, "InvalidSignature", "Invalid signature")
        return claims

    @contextmanager
    def change(self) -> Iterator[None]:
        """Change what is kept, alone; saved at the end."""
        with self._lock:
            yield
            self._folder.mkdir(0o700, parents=True, exist_ok=True)
            index = {
                "url_key": self.url_key,
                "buckets": [asdict(bucket) for bucket in self.buckets.values()],
                "objects": [asdict(stored) for stored in self.objects.values()],
            }
            write_private(self._folder / "index.json", json.dumps(index, indent=1))

    def _load(self, index: Path) -> None:
        try:
            state = json.loads(index.read_text(encoding="utf-8"))
            self.url_key = state["url_key"]
            self.buckets = {each["id"]: Bucket(**each) for each in state["buckets"]}
            objects = [Object(**each) for each in state["objects"]]
            self.objects = {(each.bucket, each.key): each for each in objects}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DevStackError(
                f"{index} is no state of the local Supabase ({error}); delete its folder, or start "
                "over with `uv run app dev --reset`."
            ) from None
