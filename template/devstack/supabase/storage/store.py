"""All buckets and objects, kept in one folder, and the tokens of signed URLs."""

import secrets
import shutil
import time
import uuid
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jwt

from devstack.supabase.saved_state import SavedState
from devstack.supabase.storage.buckets import PROJECT_LIMIT, Bucket
from devstack.supabase.storage.errors import (
    StorageError,
    bucket_missing,
    duplicate,
    object_missing,
)
from devstack.supabase.storage.objects import Object, check_key
from devstack.supabase.store import timestamp

UPLOAD_SECONDS = 7200  # lifetime of a signed upload URL, as on the platform


class Storage(SavedState):
    """All buckets and objects."""

    def __init__(self, folder: Path, project_limit: int = PROJECT_LIMIT) -> None:
        """See `SavedState`; the folder is created with the first change."""
        self._folder = folder
        self.project_limit = project_limit
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
            raise bucket_missing()
        return self.buckets[name]

    def add_bucket(self, bucket: Bucket) -> None:
        """Add a bucket.

        Raises:
            StorageError: the name is in use.
        """
        with self.change():
            if bucket.id in self.buckets:
                raise duplicate()
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
                raise StorageError(409, "ResourceNotEmpty", message)
            del self.buckets[name]

    def get(self, bucket: str, key: str) -> Object:
        """Return an object.

        Raises:
            StorageError: there is no such bucket or object, or the key is invalid.
        """
        self.bucket(bucket)
        if (bucket, check_key(key)) not in self.objects:
            raise object_missing()
        return self.objects[bucket, key]

    def check_free(self, bucket: str, key: str, *, replacing: bool) -> None:
        """Check whether an upload may begin.

        Raises:
            StorageError: the key is invalid, or in use although the upload may not replace it.
        """
        if (bucket, check_key(key)) in self.objects and not replacing:
            raise duplicate()

    def put(self, stored: Object, source: Path) -> None:
        """Move the file `source` into the storage as the content of an object.

        As in the real Storage, it replaces an object that was stored since `check_free`.
        """
        with self.change():
            before = self.objects.get((stored.bucket, stored.key))
            if before:
                stored.created_at = before.created_at
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

    def move(self, source: Object, bucket: str, key: str, *, keep: bool, replacing: bool) -> Object:
        """Rename an object, or copy it with `keep`; onto itself, nothing changes.

        Raises:
            StorageError: there is no such bucket, the key is invalid, or the target exists.
        """
        if (source.bucket, source.key) == (bucket, key):
            return source
        self.bucket(bucket)
        self.check_free(bucket, key, replacing=replacing)
        now = timestamp()
        copy = replace(
            source, bucket=bucket, key=key, id=str(uuid.uuid4()), created_at=now, updated_at=now
        )
        draft = self.file(copy).with_suffix(".copy")
        shutil.copyfile(self.file(source), draft)
        self.put(copy, draft)
        if not keep:
            self.remove(source.bucket, [source.key])
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
