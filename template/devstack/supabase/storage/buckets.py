"""Buckets and their limits."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any

from devstack.supabase.storage.errors import StorageError, invalid, too_large, wrong_type
from devstack.supabase.store import timestamp

# Default limit of a project: larger files and larger limits of buckets are refused.
PROJECT_LIMIT = 50 * 1024 * 1024  # bytes
NAME = re.compile(r"[\w!\-.*'() &$@=;:+,?]{1,63}", re.ASCII)
SIZE = re.compile(r"(\d+(?:\.\d+)?)(gb|mb|kb|b)", re.ASCII | re.IGNORECASE)
UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}
MEDIA_TYPE = re.compile(r"[\w.+-]+/([\w.+-]+|\*)|\*/\*", re.ASCII)


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

    def update(self, body: dict[str, Any], project_limit: int) -> None:
        """Set public and the limits.

        Raises:
            StorageError: a value is invalid, or the limit is above that of the project.
        """
        limit, kinds = body.get("file_size_limit"), body.get("allowed_mime_types")
        size = _bytes(limit) if limit is not None else None
        if size is not None and size > project_limit:
            raise too_large()
        if kinds is not None and not isinstance(kinds, list):
            raise invalid("body/allowed_mime_types must be array,null")
        for kind in kinds or ():
            if not isinstance(kind, str) or not MEDIA_TYPE.fullmatch(kind):
                raise wrong_type(str(kind))
        if body.get("public") is not None:
            self.public = bool(body["public"])
        if "file_size_limit" in body:
            self.file_size_limit = size or None
        if "allowed_mime_types" in body:
            self.allowed_mime_types = kinds
        self.updated_at = timestamp()

    def check_type(self, kind: str) -> None:
        """Check the type of an object, to the letter: `text/plain;charset=UTF-8` is another one.

        Raises:
            StorageError: it is not allowed.
        """
        allowed = self.allowed_mime_types
        if allowed and not {kind, f"{kind.partition('/')[0]}/*", "*/*"} & set(allowed):
            raise wrong_type(kind)


def check_name(name: object) -> str:
    """Return the name of a new bucket.

    Raises:
        StorageError: it is invalid.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        message = "Bucket name invalid"
        raise StorageError(400, "InvalidBucketName", message, error="Invalid Input")
    return name


def _bytes(limit: object) -> int:
    if isinstance(limit, int) and not isinstance(limit, bool):
        if limit < 0:
            raise invalid("body/file_size_limit must be >= 0")
        return limit
    match = SIZE.fullmatch(limit) if isinstance(limit, str) else None
    if match is None:
        message = "Invalid file size format, hint: use 20GB / 20MB / 30KB / 3B"
        raise StorageError(400, "InvalidRequest", message)
    return int(float(match[1]) * UNITS[match[2].lower()])
