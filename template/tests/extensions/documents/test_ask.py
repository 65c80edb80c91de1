"""Answers, streamed from a language model."""

import json
from typing import Any

import pytest
from httpx import AsyncClient

from tests.extensions.documents.conftest import PATH, Store
from tests.extensions.documents.double import Answer, LanguageService
from tests.support.people import Person, SignIn


@pytest.fixture
async def owner(sign_in: SignIn) -> Person:
    return await sign_in()


@pytest.fixture
def model(service: LanguageService, configure: Any) -> LanguageService:
    configure(CHAT_BASE_URL=service.url, CHAT_API_KEY="some-key", CHAT_MODEL="some-model")
    return service


def streamed(*pieces: str) -> Answer:
    lines: list[dict[str, Any]] = [{"choices": []}]
    lines += [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
    body = "".join(f"data: {json.dumps(line)}\n\n" for line in lines) + "data: [DONE]\n\n"
    return Answer(body.encode())


async def ask(client: AsyncClient, person: Person, question: str) -> list[tuple[str, Any]]:
    """Ask a question and return the events of the answer."""
    answer = await client.post(f"{PATH}/ask", json={"question": question}, headers=person.headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = []
    for block in answer.text.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines())
        events.append((lines["event"], json.loads(lines["data"])))
    return events


async def test_an_answer_is_streamed_with_its_sources(
    client: AsyncClient, owner: Person, store: Store, model: LanguageService
) -> None:
    await store(owner, "Bees dance in the hive.", "Bread is baked at night.")
    model.next = [streamed("They dance ", "[1], not [7].")]
    (first, sources), *text, (last, done) = await ask(client, owner, "What do bees do?")
    assert (first, sources[0]["content"]) == ("sources", "Bees dance in the hive.")
    assert text == [("text", "They dance "), ("text", "[1], not [7].")]
    assert (last, done) == ("done", {"cited": [1]})

    [(path, body, headers)] = model.asked
    assert path == "/v1/chat/completions"
    assert (body["model"], body["stream"]) == ("some-model", True)
    assert headers["authorization"] == "Bearer some-key"
    assert "[1] note.txt\nBees dance in the hive." in body["messages"][1]["content"]


async def test_documents_of_other_users_are_not_sent_to_the_model(
    client: AsyncClient, owner: Person, store: Store, sign_in: SignIn, model: LanguageService
) -> None:
    await store(await sign_in(), "Bees dance in the hive.")
    assert await ask(client, owner, "bees?") == [("sources", []), ("done", {"cited": []})]
    assert model.asked == []


@pytest.mark.parametrize(
    "answer",
    [Answer(status=500), Answer(b"data: no JSON\n\n"), Answer(b'data: {"error": "x"}\n\n')],
    ids=["status", "no JSON", "another shape"],
)
async def test_an_interrupted_answer_ends_with_an_error(
    client: AsyncClient, owner: Person, store: Store, model: LanguageService, answer: Answer
) -> None:
    await store(owner, "bees")
    model.next = [answer]
    assert [event for event, _ in await ask(client, owner, "bees?")] == ["sources", "error"]


async def test_without_a_key_questions_are_refused(client: AsyncClient, owner: Person) -> None:
    answer = await client.post(f"{PATH}/ask", json={"question": "x"}, headers=owner.headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "answers_not_configured")
