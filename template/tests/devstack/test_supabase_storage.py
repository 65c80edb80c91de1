"""Answers of Supabase Storage that an application notices, over raw HTTP.

Each was seen at the real Storage (v1.11) or read in its source.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from devstack.supabase import LocalSupabase

PUBLISHABLE, SECRET = "sb_publishable_test", "sb_secret_test"
TEXT = {"Content-Type": "text/plain"}


@pytest.fixture(scope="module")
def server() -> Iterator[LocalSupabase]:
    with LocalSupabase(publishable_key=PUBLISHABLE, secret_key=SECRET) as running:
        yield running


def client_of(server: LocalSupabase, headers: dict[str, str]) -> httpx.Client:
    return httpx.Client(base_url=f"{server.url}/storage/v1/", headers=headers, trust_env=False)


@pytest.fixture(scope="module")
def backend(server: LocalSupabase) -> Iterator[httpx.Client]:
    """The backend, with the key in `apikey` only."""
    with client_of(server, {"apikey": SECRET}) as client:
        yield client


@pytest.fixture(scope="module")
def user(server: LocalSupabase) -> Iterator[httpx.Client]:
    token = {"Authorization": f"Bearer {server.issue_token()}"}
    with client_of(server, {"apikey": PUBLISHABLE, **token}) as client:
        yield client


@pytest.fixture
def bucket(backend: httpx.Client) -> str:
    """A bucket with a file `a.txt` of eleven bytes."""
    name = f"bucket-{uuid4().hex[:8]}"
    ok(backend.post("bucket", json={"id": name, "name": name}))
    ok(backend.post(f"object/{name}/a.txt", content=b"hello world", headers=TEXT))
    return name


def ok(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def error(answer: httpx.Response, http: int = 400) -> tuple[int, str]:
    body = answer.json()
    assert answer.status_code == http, answer.text
    assert set(body) == {"statusCode", "error", "code", "message"}
    return int(body["statusCode"]), body["code"]


def signed_url(backend: httpx.Client, bucket: str, key: str = "a.txt") -> str:
    return "." + str(
        ok(backend.post(f"object/sign/{bucket}/{key}", json={"expiresIn": 60}))["signedURL"]
    )


def test_a_missing_bucket(backend: httpx.Client) -> None:
    found = {
        "get": backend.get("object/none/a"),
        "info": backend.get("object/info/none/a"),
        "upload": backend.post("object/none/a", content=b"1"),
        "signed download": backend.post("object/sign/none/a", json={"expiresIn": 60}),
        "bucket": backend.get("bucket/none"),
    }
    for name, answer in found.items():
        assert error(answer) == (404, "NoSuchBucket"), name
        assert answer.json()["error"] == "Bucket not found"
    # Told by the database, as a missing reference.
    assert error(backend.post("object/upload/sign/none/a")) == (404, "InvalidRequest")
    assert ok(backend.post("object/list/none", json={"prefix": ""})) == []


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"file_size_limit": "20MB"}, 20_000_000),
        ({"file_size_limit": "1.5kb"}, 1500),
        ({"file_size_limit": 7}, 7),
        ({"file_size_limit": None}, None),
        ({"file_size_limit": 200_000_000}, (413, "EntityTooLarge")),
        ({"file_size_limit": "1GB"}, (413, "EntityTooLarge")),
        ({"file_size_limit": "many"}, (400, "InvalidRequest")),
        ({"file_size_limit": -1}, (400, "InvalidRequest")),
        ({"allowed_mime_types": ["pdf"]}, (415, "InvalidMimeType")),
        ({"allowed_mime_types": "text/plain"}, (400, "InvalidRequest")),
    ],
)
def test_limits_of_buckets(backend: httpx.Client, limits: dict[str, Any], expected: Any) -> None:
    name = f"bucket-{uuid4().hex[:8]}"
    answer = backend.post("bucket", json={"id": name, "name": name, **limits})
    if isinstance(expected, tuple):
        assert error(answer) == expected
        assert error(backend.get(f"bucket/{name}")) == (404, "NoSuchBucket")
        return
    ok(answer)
    assert ok(backend.get(f"bucket/{name}"))["file_size_limit"] == expected


def test_names_of_buckets(backend: httpx.Client, bucket: str) -> None:
    for name in ("a/b", "schön", "", "x" * 64):
        assert error(backend.post("bucket", json={"name": name})) == (400, "InvalidBucketName")
    assert error(backend.put(f"bucket/{bucket}", json={})) == (400, "InvalidRequest")
    assert error(backend.post("bucket", json={"name": bucket}))[0] == 409


def test_lists_of_buckets(backend: httpx.Client) -> None:
    part = uuid4().hex[:8]
    for letter in "bac":
        ok(backend.post("bucket", json={"name": f"{part}-{letter}"}))
    query: dict[str, Any] = {
        "search": part.upper(),
        "sortColumn": "name",
        "sortOrder": "desc",
        "limit": 2,
    }
    names = [each["name"] for each in ok(backend.get("bucket", params=query))]
    assert names == [f"{part}-c", f"{part}-b"]
    assert len(ok(backend.get("bucket", params={"search": part, "offset": 2}))) == 1
    assert error(backend.get("bucket", params={"limit": "0"})) == (400, "InvalidRequest")


def test_types_of_uploads(backend: httpx.Client) -> None:
    name = f"bucket-{uuid4().hex[:8]}"
    ok(backend.post("bucket", json={"name": name, "allowed_mime_types": ["text/plain", "image/*"]}))
    path = f"object/{name}/a"
    # Plain bytes: the header is compared to the letter. A form names the type only.
    utf8 = {"Content-Type": "text/plain;charset=UTF-8"}
    assert error(backend.post(path, content=b"1", headers=utf8)) == (415, "InvalidMimeType")
    assert error(backend.post(path, content=b"1")) == (415, "InvalidMimeType")
    ok(backend.post(path, files={"file": ("a", b"1", "text/plain;charset=UTF-8")}))
    assert ok(backend.get(f"object/info/{name}/a"))["content_type"] == "text/plain"
    ok(backend.put(path, files={"": ("a", b"1", "text/plain")}, data={"contentType": "image/png"}))
    assert backend.get(path).headers["content-type"] == "image/png"


def test_bytes_without_a_type(backend: httpx.Client, bucket: str) -> None:
    ok(backend.post(f"object/{bucket}/b", content=b"1"))
    assert ok(backend.get(f"object/info/{bucket}/b"))["content_type"] == "application/octet-stream"


def test_types_are_sent_as_stored_but_no_html(backend: httpx.Client, bucket: str) -> None:
    assert backend.get(f"object/{bucket}/a.txt").headers["content-type"] == "text/plain"
    html = {"Content-Type": "text/html; charset=utf-8"}
    ok(backend.post(f"object/{bucket}/page", content=b"<script>", headers=html))
    assert backend.get(f"object/{bucket}/page").headers["content-type"] == "text/plain"
    assert ok(backend.get(f"object/info/{bucket}/page"))["content_type"] == html["Content-Type"]


def test_the_size_is_limited_where_it_is_known_before(backend: httpx.Client) -> None:
    name = f"bucket-{uuid4().hex[:8]}"
    ok(backend.post("bucket", json={"name": name, "file_size_limit": 10}))
    large = b"x" * 11
    for sent in ({"content": large}, {"files": {"file": ("a", large, "text/plain")}}):
        answer = backend.post(f"object/{name}/a", **sent)
        assert error(answer) == (413, "EntityTooLarge")
    ok(backend.post(f"object/{name}/a", content=iter([large])))


def test_metadata_of_uploads(backend: httpx.Client, bucket: str) -> None:
    mine = {"page": "é"}
    encoded = base64.b64encode(json.dumps(mine).encode()).decode()
    headers = {"cache-control": "max-age=7", "x-metadata": encoded}
    ok(backend.post(f"object/{bucket}/raw", content=b"1", headers=headers))
    form = {"metadata": json.dumps(mine), "cacheControl": "7"}
    ok(backend.post(f"object/{bucket}/form", files={"file": b"1"}, data=form))
    for key in ("raw", "form"):
        about = ok(backend.get(f"object/info/{bucket}/{key}"))
        assert (about["metadata"], about["cache_control"]) == (mine, "max-age=7")
    odd = {"x-metadata": "?", "content-type": "text/plain"}
    ok(backend.post(f"object/{bucket}/odd", content=b"1", headers=odd))


@pytest.mark.parametrize("name", ["My letter.txt", "😀.txt", 'q"uote', "new\nline", "(a)'*!~"])
def test_names_of_downloads(backend: httpx.Client, bucket: str, name: str) -> None:
    url = f"{signed_url(backend, bucket)}&download={quote(name)}"
    encoded = quote(name, safe="!~*'()")
    expected = f"attachment; filename={encoded}; filename*=UTF-8''{encoded};"
    assert backend.get(url).headers["content-disposition"] == expected


def test_downloads_without_a_name(backend: httpx.Client, bucket: str) -> None:
    url = signed_url(backend, bucket)
    assert backend.get(f"{url}&download=").headers["content-disposition"] == "attachment;"
    assert "content-disposition" not in backend.get(url).headers


@pytest.mark.parametrize("seconds", [0, -1, 1.5, None, "x", True])
def test_lifetimes_of_urls(backend: httpx.Client, bucket: str, seconds: Any) -> None:
    one = backend.post(f"object/sign/{bucket}/a.txt", json={"expiresIn": seconds})
    several = backend.post(f"object/sign/{bucket}", json={"expiresIn": seconds, "paths": ["a.txt"]})
    assert error(one) == error(several) == (400, "InvalidRequest")
    ok(backend.post(f"object/sign/{bucket}/a.txt", json={"expiresIn": "60"}))


def test_signed_urls(server: LocalSupabase, backend: httpx.Client, bucket: str) -> None:
    answer = backend.get(signed_url(backend, bucket))
    assert "cache-control" not in answer.headers
    assert parsedate_to_datetime(answer.headers["expires"]).year > 2000
    expired = server.storage.sign(bucket, "a.txt", -1)
    answer = backend.get(f"object/sign/{bucket}/a.txt?token={expired}")
    assert error(answer) == (400, "InvalidJWT")
    made = ok(backend.post(f"object/upload/sign/{bucket}/b c%3Fd"))
    assert ok(backend.put(f".{made['url']}", content=b"1")) == {"Key": f"{bucket}/b c?d"}


def test_lists_must_not_be_empty(backend: httpx.Client, bucket: str) -> None:
    path = f"object/{bucket}"
    assert error(backend.request("DELETE", path, json={"prefixes": []}))[0] == 400
    empty = {"expiresIn": 60, "paths": []}
    assert error(backend.post(f"object/sign/{bucket}", json=empty))[0] == 400
    for body in ({}, {"prefix": "", "limit": 0}, {"prefix": "", "sortBy": {"column": "size"}}):
        answer = backend.post(f"object/list/{bucket}", json=body)
        assert error(answer) == (400, "InvalidRequest")


def test_lists(backend: httpx.Client, bucket: str) -> None:
    for key in ("Docs/one", "docs/Two", "docs/deep/x", "b"):
        ok(backend.post(f"object/{bucket}/{key}", content=key.encode(), headers=TEXT))

    def names(prefix: str = "", **more: Any) -> list[str]:
        body = {"prefix": prefix, **more}
        return [each["name"] for each in ok(backend.post(f"object/list/{bucket}", json=body))]

    assert names("DOCS") == ["deep", "Two", "one"]
    assert names("docs/", search="t") == ["Two"]
    assert names("docs/", search="wo") == []
    order = {"column": "created_at", "order": "desc"}
    assert names(sortBy=order) == ["Docs", "docs", "b", "a.txt"]
    assert names(limit=1, offset=1) == ["docs"]
    [entry] = ok(backend.post(f"object/list/{bucket}", json={"prefix": "", "search": "a."}))
    about = entry["metadata"]
    digest = hashlib.md5(b"hello world", usedforsecurity=False).hexdigest()
    assert (about["eTag"], about["mimetype"], about["size"]) == (f'"{digest}"', "text/plain", 11)
    assert {"cacheControl", "lastModified", "contentLength", "httpStatusCode"} <= set(about)


def test_lists_of_all_levels(backend: httpx.Client, bucket: str) -> None:
    for key in ("x/1", "x/2", "y/z/3"):
        ok(backend.post(f"object/{bucket}/{key}", content=b"1"))
    path = f"object/list-v2/{bucket}"
    first = ok(backend.post(path, json={"limit": 3}))
    assert [each["name"] for each in first["objects"]] == ["a.txt", "x/1", "x/2"]
    rest = ok(backend.post(path, json={"limit": 3, "cursor": first["nextCursor"]}))
    assert [each["name"] for each in rest["objects"]] == ["y/z/3"]
    assert (first["hasNext"], rest["hasNext"]) == (True, False)
    level = ok(backend.post(path, json={"with_delimiter": True, "prefix": ""}))
    assert [each["name"] for each in level["folders"]] == ["x/", "y/"]


def test_removed_and_copied_objects_are_returned(backend: httpx.Client, bucket: str) -> None:
    keys = {"bucketId": bucket, "sourceKey": "a.txt", "destinationKey": "b.txt"}
    copied = ok(backend.post("object/copy", json=keys))
    assert copied["Key"] == f"{bucket}/b.txt"
    removed = ok(backend.request("DELETE", f"object/{bucket}", json={"prefixes": ["b.txt", "c"]}))
    for row in (copied, *removed):
        assert (row["bucket_id"], row["name"]) == (bucket, "b.txt")
        assert {"version", "created_at", "metadata", "owner_id"} <= set(row)
    assert len(removed) == 1
    assert ok(backend.delete(f"object/{bucket}/a.txt")) == {"message": "Successfully deleted"}
    assert error(backend.delete(f"object/{bucket}/a.txt")) == (404, "NoSuchKey")


def test_moves_and_copies(backend: httpx.Client, bucket: str) -> None:
    other = f"bucket-{uuid4().hex[:8]}"
    ok(backend.post("bucket", json={"name": other}))
    keys = {"bucketId": bucket, "sourceKey": "a.txt", "destinationKey": "a.txt"}
    for verb in ("move", "copy"):
        ok(backend.post(f"object/{verb}", json=keys))
    elsewhere = keys | {"destinationBucket": other}
    ok(backend.post("object/copy", json=elsewhere))
    assert error(backend.post("object/copy", json=elsewhere)) == (409, "KeyAlreadyExists")
    ok(backend.post("object/copy", json=elsewhere, headers={"x-upsert": "true"}))
    assert error(backend.post("object/move", json=elsewhere)) == (409, "KeyAlreadyExists")
    missing = keys | {"sourceKey": "none"}
    assert error(backend.post("object/move", json=missing)) == (404, "NoSuchKey")
    nowhere = keys | {"destinationBucket": "none"}
    assert error(backend.post("object/move", json=nowhere)) == (404, "NoSuchBucket")


@pytest.mark.parametrize("key", ["schön", 'a"b', "a%b", "a#b", "..", "a/../b"])
def test_invalid_keys(backend: httpx.Client, bucket: str, key: str) -> None:
    path = f"{bucket}/{key.replace('%', '%25').replace('#', '%23').replace('..', '%2E%2E')}"
    for answer in (
        backend.get(f"object/{path}"),
        backend.get(f"object/info/{path}"),
        backend.post(f"object/{path}", content=b"1"),
        backend.post(f"object/upload/sign/{path}"),
    ):
        assert error(answer) == (400, "InvalidKey")


def test_unknown_paths(backend: httpx.Client) -> None:
    for method, path in (("GET", "nothing"), ("PATCH", "bucket")):
        answer = backend.request(method, path)
        assert answer.json()["message"] == f"Route {method}:/storage/v1/{path} not found"


def test_callers_without_a_valid_token(server: LocalSupabase, bucket: str) -> None:
    path = f"object/{bucket}/a.txt"
    for headers in ({}, {"Authorization": "Bearer x"}, {"apikey": "sb_secret_wrong"}):
        with client_of(server, headers) as client:
            assert error(client.get(path)) == (404, "NoSuchBucket")
            assert error(client.post(path, content=b"1"))[0] in (400, 403)


def test_users_have_no_access(user: httpx.Client, backend: httpx.Client, bucket: str) -> None:
    keys = {"bucketId": bucket, "sourceKey": "a.txt", "destinationKey": "b"}
    assert error(user.put(f"bucket/{bucket}", json={"public": True})) == (404, "NoSuchBucket")
    assert error(user.delete(f"bucket/{bucket}")) == (404, "NoSuchBucket")
    assert error(user.post("bucket", json={"name": "mine"})) == (403, "AccessDenied")
    assert error(user.post(f"bucket/{bucket}/empty"), http=403) == (403, "AccessDenied")
    for verb in ("move", "copy"):
        assert error(user.post(f"object/{verb}", json=keys)) == (404, "NoSuchKey")
    assert error(user.get(f"object/{bucket}/a.txt")) == (404, "NoSuchKey")
    several = user.post(f"object/sign/{bucket}", json={"expiresIn": 60, "paths": ["a.txt"]})
    assert ok(several)[0]["error"]
    assert ok(user.get("bucket")) == []
    assert "queued" in ok(backend.post(f"bucket/{bucket}/empty"))["message"]
    assert error(backend.get(f"object/{bucket}/a.txt")) == (404, "NoSuchKey")


def test_conditions(backend: httpx.Client, bucket: str) -> None:
    first = backend.get(f"object/{bucket}/a.txt")
    digest = hashlib.md5(b"hello world", usedforsecurity=False).hexdigest()
    assert first.headers["etag"] == f'"{digest}"'
    again = backend.get(f"object/{bucket}/a.txt", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = backend.get(f"object/{bucket}/a.txt", headers={"If-None-Match": '"x"'})
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("asked", "body"), [("bytes=0-4", b"hello"), ("bytes=6-", b"world"), ("bytes=-5", b"world")]
)
def test_ranges(backend: httpx.Client, bucket: str, asked: str, body: bytes) -> None:
    answer = backend.get(f"object/{bucket}/a.txt", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, body)


@pytest.mark.parametrize(
    "asked", ["bytes=x", "bytes=0-1,3-4", "bytes=99-", "bytes=4-2", "bytes=-0"]
)
def test_ranges_that_cannot_be_sent(backend: httpx.Client, bucket: str, asked: str) -> None:
    answer = backend.get(f"object/{bucket}/a.txt", headers={"Range": asked})
    assert error(answer, http=416) == (416, "InvalidRange")


def test_other_addresses_of_objects(backend: httpx.Client, bucket: str) -> None:
    assert backend.get(f"object/authenticated/{bucket}/a.txt").content == b"hello world"
    ok(backend.get(f"object/info/authenticated/{bucket}/a.txt"))
    for path in (f"object/info/public/{bucket}/a.txt", f"object/public/{bucket}/a.txt"):
        assert error(backend.get(path)) == (404, "NoSuchBucket")
    ok(backend.put(f"bucket/{bucket}", json={"public": True}))
    assert ok(backend.get(f"object/info/public/{bucket}/a.txt"))["size"] == 11


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'{"prefix": 1}', b'{"prefix": null}'])
def test_odd_bodies(backend: httpx.Client, bucket: str, body: bytes) -> None:
    for path in (f"object/list/{bucket}", "bucket", "object/move", f"object/sign/{bucket}/a.txt"):
        assert error(backend.post(path, content=body))[0] == 400
