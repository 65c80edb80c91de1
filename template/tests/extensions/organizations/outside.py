"""What an organization has outside of the database: keys in Redis, and files in Storage.

Each text in a row of the organization is also the key of a file, because a row names its file in a
column of text. Whoever signs the address of a row's file thus finds one. A key in Redis belongs to
the organization if it names its id, its slug or one of its people.
"""

import hashlib
import re
import tempfile
from pathlib import Path
from urllib.parse import unquote

import httpx
from redis import Redis

from app.core.redis import redis_key
from app.core.settings import get_settings
from devstack.supabase import LocalSupabase
from devstack.supabase.storage.buckets import Bucket
from devstack.supabase.storage.objects import Object
from tests.support.tenants import Tenant

ADDRESS = re.compile(r"https?://[^\s\"'<>\\]+")


class Outside:
    """Files and keys of an organization."""

    def __init__(
        self, supabase: LocalSupabase, tenant: Tenant, known: str, secret: str, texts: list[str]
    ) -> None:
        self._supabase, self._secret = supabase, secret
        self._names = [str(tenant.id), tenant.slug, *(str(p.id) for p in tenant.people.values())]
        # What somebody may guess who knows the id and a word.
        self.file = f"uploads/{tenant.id}/{known}"
        self._files = [self.file, *texts]
        # An upload arrives at a path that is made of the key, see `app.core.supabase.storage`.
        hashes = (hashlib.sha256(key.encode()).hexdigest() for key in self._files)
        self._paths = [*self._files, *hashes]
        for key in self._files:
            self._store(key)
        # The values are binary, so this is not the client of the application.
        self._redis = Redis.from_url(get_settings().redis_address)
        self._keys = [redis_key(f"probe:{name}") for name in self._names]
        for name in self._keys:
            self._redis.set(name, secret)

    def state(self) -> dict[str, str]:
        """Each key in Redis and each file of the organization, with a hash of its content."""
        found = {}
        for key in self._redis.scan_iter(count=10_000):
            if any(name.encode() in key for name in self._names):
                content = self._redis.dump(key) or b""  # None: it has just expired
                found[f"redis {key!r}"] = hashlib.sha256(content).hexdigest()
        for (_, key), stored in self._supabase.storage.objects.items():
            if key in self._files or any(name in key for name in self._names):
                found[f"file {key}"] = stored.md5
        return found

    async def opened_by(self, answer: str) -> list[str]:
        """The addresses in an answer that give or change a file of the organization."""
        found = []
        for address in ADDRESS.findall(answer):
            if not address.startswith(self._supabase.url):
                continue
            if "/upload/sign/" in address and any(each in unquote(address) for each in self._paths):
                found.append(address)
            async with httpx.AsyncClient() as browser:
                if self._secret in (await browser.get(address)).text:
                    found.append(address)
        return found

    def remove(self) -> None:
        """Remove everything again."""
        self._redis.delete(*self._keys)
        self._redis.close()
        self._supabase.storage.remove(get_settings().storage_bucket, self._files)

    def _store(self, key: str) -> None:
        storage, bucket = self._supabase.storage, get_settings().storage_bucket
        if bucket not in storage.buckets:
            storage.add_bucket(Bucket(bucket))
        content = self._secret.encode()
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(content)
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        storage.put(Object(bucket, key, len(content), "text/plain", md5=md5), Path(file.name))
