"""The offline embedder, and the one for services with OpenAI's API."""

import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.core.settings import SettingsError, load_settings
from app.extensions.documents import http
from app.extensions.documents.embedding import (
    Embedder,
    EmbeddingError,
    WrongModelError,
    create_embedder,
)
from app.extensions.documents.settings import DocumentSettings, Provider
from tests.extensions.documents.double import Answer, LanguageService, vectors


def settings(**changes: Any) -> DocumentSettings:
    chosen: DocumentSettings = load_settings(DocumentSettings).model_copy(update=changes)
    return chosen


@pytest.fixture
def remote(service: LanguageService, monkeypatch: pytest.MonkeyPatch) -> Embedder:
    service.usual = vectors(8)
    monkeypatch.setattr(http, "_backoff", lambda _state: 0.01)
    return create_embedder(
        settings(
            embedding_provider=Provider.OPENAI,
            embedding_base_url=service.url,
            embedding_dimensions=8,
            embedding_model="small",
        )
    )


def cosine(first: list[float], second: list[float]) -> float:
    return sum(a * b for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(
    ("question", "near", "far"),
    [
        ("deliveries were late", "The delivery came two days later.", "Bread is baked at night."),
        ("Kündigungsfrist", "Die Frist für eine Kündigung ist ein Monat.", "Der Himmel ist blau."),
        ("公园在哪里", "我们昨天去了公园。", "价格上涨了百分之五。"),
        ("погода завтра", "Завтра погоды не будет хорошей.", "Он купил новую книгу."),
    ],
)
async def test_offline_vectors_of_similar_texts_are_similar(
    question: str, near: str, far: str
) -> None:
    asked, close, away = await create_embedder(settings()).embed([question, near, far])
    assert cosine(asked, close) > cosine(asked, away) + 0.1


async def test_offline_vectors_are_the_same_everywhere() -> None:
    [vector] = await create_embedder(settings(embedding_dimensions=8)).embed(["the same"])
    assert math.isclose(math.hypot(*vector), 1.0)
    assert [round(number, 3) for number in vector] == SAME
    [empty] = await create_embedder(settings(embedding_dimensions=8)).embed(["!"])
    assert empty == [0.0] * 8


SAME = [-0.107, -0.595, -0.678, -0.237, 0.0, 0.0, 0.0, 0.344]


async def test_vectors_of_a_service_are_in_the_order_of_the_texts(
    remote: Embedder, service: LanguageService
) -> None:
    short, long = await remote.embed(["a", "a much longer text"])
    assert short[0] < long[0]
    assert math.isclose(math.hypot(*short), 1.0)
    path, body, _ = service.asked[0]
    assert (path, body) == (
        "/v1/embeddings",
        {"model": "small", "input": ["a", "a much longer text"]},
    )


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_transient_errors_are_retried(
    remote: Embedder, service: LanguageService, status: int
) -> None:
    service.next = [Answer(status=status, headers={"Retry-After": "0.1"})] * 2
    assert len(await remote.embed(["a"])) == 1
    assert len(service.asked) == 3


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=401),
        Answer(status=429, headers={"Retry-After": "3600"}),
        Answer({"data": []}),
        Answer({"unknown": 1}),
        Answer(b"<html>"),
    ],
    ids=["key", "an hour", "too few", "another shape", "no JSON"],
)
async def test_other_errors_are_raised_at_once(
    remote: Embedder, service: LanguageService, answer: Answer
) -> None:
    service.next = [answer]
    with pytest.raises(EmbeddingError):
        await remote.embed(["a"])
    assert len(service.asked) == 1


async def test_vectors_with_other_dimensions_are_refused(
    remote: Embedder, service: LanguageService
) -> None:
    service.usual = vectors(5)
    with pytest.raises(WrongModelError, match="DOCUMENTS_EMBEDDING_DIMENSIONS"):
        await remote.embed(["a"])


def test_azure_gets_its_own_header_and_keeps_its_query() -> None:
    key = SecretStr("key")
    base = "https://mine.openai.azure.com/openai/deployments/small?api-version=2026-01-01"
    url = http.endpoint(base, "embeddings")
    assert str(url).endswith("/deployments/small/embeddings?api-version=2026-01-01")
    assert http.auth_headers(url, key) == {"api-key": "key"}
    other = http.endpoint("http://127.0.0.1:11434/v1/", "embeddings")
    assert (str(other), http.auth_headers(other, key)) == (
        "http://127.0.0.1:11434/v1/embeddings",
        {"Authorization": "Bearer key"},
    )


def test_a_missing_local_model_is_an_error_of_the_settings(tmp_path: Path) -> None:
    local = settings(embedding_provider=Provider.LOCAL, embedding_model=str(tmp_path / "none"))
    with pytest.raises(SettingsError, match="DOCUMENTS_EMBEDDING_MODEL"):
        create_embedder(local)
