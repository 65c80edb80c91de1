"""From an upload to hits of a search, with a real worker."""

import asyncio
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import httpx
import pytest
from httpx import AsyncClient

from app.core.supabase.storage import Storage
from app.extensions.documents.extract import DOCX, HTML, MARKDOWN, PDF, TEXT
from tests.extensions.documents.conftest import PATH, Send, ended
from tests.extensions.documents.files import docx_file, encrypted_pdf, pdf, zip_bomb
from tests.support.people import Person
from tests.support.processes import Process, eventually

TEXT_FILE = b"Bees dance to tell each other where clover blooms. The dance points at the sun.\n"


def announced(content: bytes, **changes: Any) -> dict[str, Any]:
    return {
        "name": "bees.txt",
        "size": len(content),
        "sha256": sha256(content).hexdigest(),
        "media_type": "text/plain",
    } | changes


async def broken(*_: object) -> None:
    raise RuntimeError


async def upload(address: dict[str, str], content: bytes) -> httpx.Response:
    async with AsyncClient() as client:
        kind = {"Content-Type": address["content_type"]}
        return await client.put(address["url"], content=content, headers=kind)


async def test_an_uploaded_file_is_found_by_a_search(
    committed: AsyncClient, worker: Process, someone: Any
) -> None:
    headers = someone()
    answer = await committed.post(
        PATH, json=announced(TEXT_FILE, labels={"shelf": "nature"}), headers=headers
    )
    assert answer.status_code == 201, answer.text
    document, address = answer.json()["document"], answer.json()["upload"]
    assert document["state"] == "uploading"
    one = f"{PATH}/{document['id']}"
    early = await committed.post(f"{one}/complete", headers=headers)
    assert (early.status_code, early.json()["code"]) == (409, "document_not_uploaded")

    assert (await upload(address, TEXT_FILE)).is_success
    first = await committed.post(f"{one}/complete", headers=headers)
    assert first.status_code == 202, first.text
    # A second completion changes nothing, and neither does a second upload.
    second = await committed.post(f"{one}/complete", headers=headers)
    assert second.json()["task_id"] == first.json()["task_id"]
    assert (await upload(address, b"x" * len(TEXT_FILE))).is_success

    ready = await ended(committed, headers, document["id"], worker)
    assert (ready["state"], ready["reason"], ready["language"]) == ("ready", None, "en")
    assert ready["chunk_count"] == 1
    followed = await committed.get(f"/api/v1/tasks/{ready['task_id']}", headers=headers)
    assert followed.json()["result"]["chunks"] == 1

    for mode in ("hybrid", "vector", "text"):
        found = await committed.post(
            f"{PATH}/search", json={"query": "dancing bee", "mode": mode}, headers=headers
        )
        assert found.status_code == 200, found.text
        [hit] = found.json()["items"]
        assert hit["document_id"] == document["id"]
        assert hit["content"].startswith("Bees dance")
    file = await committed.get(f"{one}/file", headers=headers)
    async with AsyncClient() as client:
        assert (await client.get(file.json()["url"])).content == TEXT_FILE


# Functions, because creating some of the files takes long.
BAD: dict[str, Callable[[], tuple[bytes, str]]] = {
    "encrypted": lambda: (encrypted_pdf("secret", "password"), PDF),
    "broken": lambda: (b"%PDF-1.4\nbroken", PDF),
    "bomb": lambda: (zip_bomb(320), DOCX),
    "wrong type": lambda: (b"just text", PDF),
    "no text": lambda: (pdf(""), PDF),
}


@pytest.mark.parametrize("case", BAD)
async def test_an_unreadable_file_fails_with_a_reason(
    send: Send, someone: Any, committed: AsyncClient, worker: Process, case: str
) -> None:
    content, media_type = BAD[case]()
    headers = someone()
    failed = await send(headers, content, media_type)
    assert failed["state"] == "failed"
    assert failed["reason"]

    async def task_failed() -> bool:
        # The task is committed right after the document.
        answer = await committed.get(f"/api/v1/tasks/{failed['task_id']}", headers=headers)
        task = answer.json()
        return (task["state"], task["reason"]) == ("failure", failed["reason"])

    await eventually(task_failed, worker)


async def test_files_of_all_types_and_scripts_are_found(
    send: Send, someone: Any, committed: AsyncClient
) -> None:
    headers = someone()
    kinds = {
        PDF: pdf("Turtles lay eggs in warm sand"),
        DOCX: docx_file("Die Rechnung wurde bezahlt."),
        HTML: "<p>Погода завтра будет хорошей</p>".encode(),
        MARKDOWN: "# 公园\n\n我们昨天去了公园。".encode(),
        TEXT: "ذهبنا أمس إلى الحديقة الكبيرة".encode(),
    }
    questions = ("turtle eggs", "bezahlte Rechnungen", "погоду", "公园", "الحديقة")
    for (media_type, content), question in zip(kinds.items(), questions, strict=True):
        document = await send(headers, content, media_type, name="file")
        assert (document["state"], document["reason"]) == ("ready", None)
        found = await committed.post(
            f"{PATH}/search", json={"query": question, "limit": 1}, headers=headers
        )
        assert found.json()["items"][0]["document_id"] == document["id"], media_type


async def test_a_file_is_stored_once_for_each_owner(
    send: Send, someone: Any, committed: AsyncClient
) -> None:
    first, second = someone(), someone()
    kept = await send(first, TEXT_FILE)
    again = await committed.post(PATH, json=announced(TEXT_FILE), headers=first)
    assert (again.status_code, again.json()["code"]) == (409, "document_exists")
    assert kept["id"] in again.json()["detail"]
    assert (await send(second, TEXT_FILE))["state"] == "ready"


@pytest.mark.parametrize(
    ("file", "status", "code"),
    [
        ({"size": 0}, 422, "invalid_request"),
        ({"size": 200 << 20}, 413, "file_too_large"),
        ({"media_type": "image/png"}, 415, "file_type_not_allowed"),
        ({"sha256": "x" * 64}, 422, "invalid_request"),
        ({"name": "../x"}, 422, "invalid_request"),
        ({"labels": {"a b": "c"}}, 422, "invalid_request"),
    ],
)
async def test_unsupported_files_are_refused_before_the_upload(
    committed: AsyncClient, someone: Any, file: dict[str, Any], status: int, code: str
) -> None:
    answer = await committed.post(PATH, json=announced(TEXT_FILE, **file), headers=someone())
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_small_file_must_not_be_empty_or_large(
    committed: AsyncClient, someone: Any
) -> None:
    async def sent(content: bytes) -> httpx.Response:
        headers = someone() | {"Content-Type": "text/plain"}
        return await committed.post(
            f"{PATH}/direct", params={"name": "x"}, content=content, headers=headers
        )

    assert (await sent(b"")).json()["code"] == "document_empty"
    assert (await sent(b"x" * (2 << 20))).status_code == 413


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"shorter", "text/plain"),
        (TEXT_FILE.swapcase(), "text/plain"),
        (TEXT_FILE, "text/markdown"),
    ],
)
async def test_an_upload_that_differs_is_refused_and_can_be_repeated(
    committed: AsyncClient, someone: Any, content: bytes, media_type: str
) -> None:
    headers = someone()
    answer = (await committed.post(PATH, json=announced(TEXT_FILE), headers=headers)).json()
    one = f"{PATH}/{answer['document']['id']}"
    assert (await upload({**answer["upload"], "content_type": media_type}, content)).is_success
    refused = await committed.post(f"{one}/complete", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "document_differs")
    early = await committed.post(f"{one}/complete", headers=headers)
    assert (early.status_code, early.json()["code"]) == (409, "document_not_uploaded")

    # A second request for the same file gets the same document and another URL.
    same = (await committed.post(PATH, json=announced(TEXT_FILE), headers=headers)).json()
    assert same["document"]["id"] == answer["document"]["id"]
    assert (await upload(same["upload"], TEXT_FILE)).is_success
    assert (await committed.post(f"{one}/complete", headers=headers)).status_code == 202


async def test_a_completion_continues_where_another_one_was_interrupted(
    committed: AsyncClient, someone: Any, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = someone()
    answer = (await committed.post(PATH, json=announced(TEXT_FILE), headers=headers)).json()
    await upload(answer["upload"], TEXT_FILE)
    one = f"{PATH}/{answer['document']['id']}"
    # The process dies after it has moved the file and before it has committed.
    with monkeypatch.context() as patch:
        patch.setattr(Storage, "info", broken)
        assert (await committed.post(f"{one}/complete", headers=headers)).status_code == 500
    assert (await committed.post(f"{one}/complete", headers=headers)).status_code == 202


async def test_concurrent_completions_start_one_task(committed: AsyncClient, someone: Any) -> None:
    headers = someone()
    answer = (await committed.post(PATH, json=announced(TEXT_FILE), headers=headers)).json()
    await upload(answer["upload"], TEXT_FILE)
    one = f"{PATH}/{answer['document']['id']}"
    answers = await asyncio.gather(
        *(committed.post(f"{one}/complete", headers=headers) for _ in range(4))
    )
    assert {each.status_code for each in answers} == {202}
    assert len({each.json()["task_id"] for each in answers}) == 1


async def test_a_document_is_deleted_with_its_file_and_chunks(
    send: Send, someone: Any, committed: AsyncClient, worker: Process
) -> None:
    headers = someone()
    document = await send(headers, TEXT_FILE)
    one = f"{PATH}/{document['id']}"
    address = (await committed.get(f"{one}/file", headers=headers)).json()["url"]
    assert (await committed.delete(one, headers=headers)).status_code == 204
    assert (await committed.get(one, headers=headers)).status_code == 404
    found = await committed.post(f"{PATH}/search", json={"query": "bees"}, headers=headers)
    assert found.json()["items"] == []

    async def gone() -> bool:
        async with AsyncClient() as client:
            return not (await client.get(address)).is_success

    await eventually(gone, worker)


async def test_only_a_failed_document_can_be_retried(
    send: Send,
    someone: Any,
    committed: AsyncClient,
    worker: Process,
) -> None:
    headers = someone()
    failed = await send(headers, b"just text", PDF)
    one = f"{PATH}/{failed['id']}"
    again = await committed.post(f"{one}/retry", headers=headers)
    assert (again.status_code, again.json()["state"]) == (202, "processing")
    assert again.json()["task_id"] != failed["task_id"]
    assert (await ended(committed, headers, failed["id"], worker))["state"] == "failed"

    ready = await send(headers, TEXT_FILE)
    for step, code in (("retry", "document_not_failed"), ("cancel", "document_not_processing")):
        answer = await committed.post(f"{PATH}/{ready['id']}/{step}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, code)


@pytest.mark.parametrize("name", ["", " ", "a\tb", "a/b", "x" * 256])
async def test_a_name_that_is_no_file_name_is_refused(
    client: AsyncClient, owner: Person, name: str
) -> None:
    answer = await client.post(
        f"{PATH}/direct", params={"name": name}, content=b"x", headers=owner.headers
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
