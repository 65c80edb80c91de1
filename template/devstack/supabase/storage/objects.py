"""Objects and their keys."""

import re
import uuid
from dataclasses import dataclass, field
from typing import Any

from devstack.supabase.storage.errors import StorageError
from devstack.supabase.store import timestamp

KEY = re.compile(r"[\w/!\-.*'() &$@=;:+,?]+", re.ASCII)


@dataclass
class Object:
    """Metadata of an object; its content is in a file with the id as its name."""

    bucket: str
    key: str
    size: int
    content_type: str
    cache_control: str = "no-cache"
    metadata: dict[str, Any] = field(default_factory=dict)  # set by the user
    md5: str = ""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: str = field(default_factory=timestamp)
    updated_at: str = field(default_factory=timestamp)

    @property
    def etag(self) -> str:
        """Value of the header ETag."""
        return f'"{self.md5}"'

    def entry(self, name: str) -> dict[str, Any]:
        """Return the object as in a list, with its name there."""
        return {
            "name": name,
            "id": self.id,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "last_accessed_at": self.updated_at,
            "metadata": {
                "eTag": self.etag,
                "size": self.size,
                "mimetype": self.content_type,
                "cacheControl": self.cache_control,
                "lastModified": self.updated_at,
                "contentLength": self.size,
                "httpStatusCode": 200,
            },
        }

    def row(self) -> dict[str, Any]:
        """Return the object as in the table of Storage."""
        return {
            **self.entry(self.key),
            "bucket_id": self.bucket,
            "version": self.id,
            "owner": "",
            "owner_id": None,
            "user_metadata": self.metadata or None,
        }

    def info(self) -> dict[str, Any]:
        """Return the object as in `info`."""
        return {
            "id": self.id,
            "name": self.key,
            "version": self.id,
            "bucket_id": self.bucket,
            "size": self.size,
            "content_type": self.content_type,
            "cache_control": self.cache_control,
            "etag": self.etag,
            "metadata": self.metadata,
            "last_modified": self.updated_at,
            "created_at": self.created_at,
        }


def check_key(key: str) -> str:
    """Return the key of an object.

    Raises:
        StorageError: it has other characters than S3 recommends, or a segment `.` or `..`.
    """
    if not KEY.fullmatch(key) or {".", ".."} & set(key.split("/")):
        raise StorageError(400, "InvalidKey", f"Invalid key: {key}")
    return key
