"""From an upload to chunks that are found, by a real worker."""

from hashlib import sha256
from typing import Any

import httpx
from httpx import AsyncClient

from tests.features.documents.conftest import PATH, Headers, Send, ended
from tests.processes import Process

TEXT = b"Bees dance to tell each other where flowers bloom. The dance points at the sun.\n"


def announced(content: bytes, **changes: Any) -> dict[str, Any]:
    return {
        "name": "bees.txt",
        "size": len(content),
        "sha256": sha256(content).hexdigest(),
        "media_type": "text/plain",
    } | changes


async def upload(address: dict[str, str], content: bytes) -> httpx.Response:
    async with AsyncClient() as client:
        kind = {"Content-Type": address["content_type"]}
        return await client.put(address["url"], content=content, headers=kind)


async def test_a_file_goes_from_its_announcement_to_a_find(
    committed: AsyncClient, worker: Process, someone: Any
) -> None:
    headers = someone()
    answer = await committed.post(
        PATH, json=announced(TEXT, labels={"shelf": "nature"}), headers=headers
    )
    assert answer.status_code == 201, answer.text
    document, address = answer.json()["document"], answer.json()["upload"]
    assert document["state"] == "uploading"
    one = f"{PATH}/{document['id']}"
    # Too early.
    early = await committed.post(f"{one}/complete", headers=headers)
    assert (early.status_code, early.json()["code"]) == (409, "document_not_uploaded")

    assert (await upload(address, TEXT)).is_success
    first = await committed.post(f"{one}/complete", headers=headers)
    assert first.status_code == 202, first.text
    # Completing twice is completing once, and the address is used up.
    second = await committed.post(f"{one}/complete", headers=headers)
    assert second.json()["task_id"] == first.json()["task_id"]
    assert not (await upload(address, b"x" * len(TEXT))).is_success

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
        assert (await client.get(file.json()["url"])).content == TEXT
