"""Error responses: one format, stable codes, nothing internal."""

import errno
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from asyncpg.exceptions import ConnectionDoesNotExistError, InternalClientError
from fastapi import FastAPI, HTTPException
from httpx import AsyncClient, Response
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import exc as sa

from app.core import context
from app.core.errors import ConflictError, NotFoundError, UnauthenticatedError, UnavailableError
from app.core.http.problems import Problem
from app.core.http.schemas import RequestModel
from app.core.http.streams import Stream
from tests.core.conftest import Build, ClientOf
from tests.support.logs import rendered
from tests.support.people import SignIn

ME = "/api/v1/users/me"
LIMIT = 2048
SECRET = "postgresql://boss:hunter2@db.internal/app"


class Note(RequestModel):
    text: str


ERRORS: dict[str, Callable[[], Exception]] = {
    "bug": lambda: RuntimeError(SECRET),
    "lost": lambda: NotFoundError("There is no such note.", code="note_not_found"),
    "echo": lambda: NotFoundError("There is no \ud800."),
    "taken": lambda: ConflictError("There is one already."),
    "stranger": lambda: UnauthenticatedError("Sign in first."),
    "later": lambda: UnavailableError("Not now."),
    "teapot": lambda: HTTPException(418),
    "large": lambda: HTTPException(413),
    "words": lambda: HTTPException(409, "In words.", headers={"X-Extra": "1"}),
    "refused": lambda: ConnectionRefusedError(errno.ECONNREFUSED, SECRET),
    "cut": lambda: ConnectionDoesNotExistError(SECRET),
    "closing": lambda: InternalClientError(SECRET),
    "pool": lambda: sa.TimeoutError(SECRET),
    "sql": lambda: sa.ProgrammingError(f"select {SECRET}", {}, Exception(SECRET)),
    "file": lambda: FileNotFoundError(errno.ENOENT, "No such file", "/etc/secret.pem"),
    "broker": lambda: BrokerError(SECRET),
    "redis": lambda: RedisConnectionError(SECRET),
}


def fail(name: str) -> None:
    error = ERRORS[name]()
    raise error


@pytest.fixture
def faulty(build: Build) -> FastAPI:
    """The API, with routes that fail."""
    app = build(MAX_BODY_BYTES=str(LIMIT))

    async def echo(note: Note) -> Note:
        return note

    app.add_api_route("/fail/{name}", fail)
    app.add_api_route("/echo", echo, methods=["POST"])
    return app


@pytest.fixture
async def api(faulty: FastAPI, client_of: ClientOf) -> AsyncIterator[AsyncClient]:
    async with client_of(faulty) as client:
        yield client


def problem(answer: Response) -> Problem:
    """Return the problem of a response, after checking that it agrees with the response."""
    assert answer.headers["content-type"] == "application/problem+json"
    found = Problem.model_validate(answer.json())
    assert found.status == answer.status_code
    assert found.request_id == answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert SECRET not in answer.text
    return found


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("bug", 500, "internal_error"),
        ("lost", 404, "note_not_found"),
        # A lone surrogate: valid in JSON, not in UTF-8.
        ("echo", 404, "not_found"),
        ("taken", 409, "conflict"),
        ("stranger", 401, "unauthenticated"),
        ("later", 503, "unavailable"),
        ("teapot", 418, "im_a_teapot"),
        # Python renamed this status in 3.13; the code stays.
        ("large", 413, "content_too_large"),
        ("words", 409, "conflict"),
        ("refused", 503, "database_unavailable"),
        ("cut", 503, "database_unavailable"),
        # asyncpg, while the server's last message arrives.
        ("closing", 503, "database_unavailable"),
        ("pool", 503, "database_unavailable"),
        ("sql", 500, "internal_error"),
        # An OSError that does not come from a connection.
        ("file", 500, "internal_error"),
        ("broker", 503, "queue_unavailable"),
        ("redis", 503, "queue_unavailable"),
    ],
)
async def test_every_error_is_a_problem(
    api: AsyncClient, name: str, status: int, code: str
) -> None:
    answer = await api.get(f"/fail/{name}")
    found = problem(answer)
    assert (found.status, found.code) == (status, code)
    assert "secret.pem" not in answer.text
    assert answer.headers.get("retry-after") == ("5" if status == 503 else None)
    assert answer.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)


async def test_detail_and_headers_of_an_exception_are_kept(api: AsyncClient) -> None:
    words = await api.get("/fail/words")
    assert problem(words).detail == "In words."
    assert words.headers["x-extra"] == "1"
    assert problem(await api.get("/fail/lost")).detail == "There is no such note."


async def test_an_unexpected_error_is_logged_without_local_variables(
    api: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await api.get("/fail/bug", headers={"Authorization": "Bearer not-for-the-log"})
    lines = [json.loads(line) for line in rendered(caplog)]
    (bug,) = [line for line in lines if line["event"] == "unexpected_error"]
    assert bug["request_id"] == problem(answer).request_id
    (raised,) = bug["exception"]
    assert raised["exc_type"] == "RuntimeError"
    assert raised["frames"][-1]["name"] == "fail"
    assert "not-for-the-log" not in json.dumps(lines)


async def test_debug_shows_the_traceback_instead(build: Build, client_of: ClientOf) -> None:
    app = build(SHOW_TRACEBACKS="true")

    def fail() -> None:
        raise RuntimeError("seen")

    app.add_api_route("/fail", fail)
    async with client_of(app) as client:
        answer = await client.get("/fail")
    assert answer.status_code == 500
    assert "RuntimeError: seen" in answer.text


async def ask(app: FastAPI, path: str, sent: list[Any], **headers: str) -> None:
    """Collect the ASGI messages of an app, because a client library hides some of them."""

    async def receive() -> Any:
        raise AssertionError("the body was read")

    async def send(message: Any) -> None:
        sent.append(message)

    pairs = {"host": "testserver", **headers}.items()
    await app(
        {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": b"",
            "root_path": "",
            "headers": [(name.replace("_", "-").encode(), v.encode()) for name, v in pairs],
            # Without this version, Starlette waits for a disconnect while it streams.
            "asgi": {"spec_version": "2.4"},
        },
        receive,
        send,
    )


async def test_an_error_after_the_start_of_a_response_is_raised(faulty: FastAPI) -> None:
    def parts() -> Iterator[str]:
        yield "one"
        raise RuntimeError(SECRET)

    sent: list[Any] = []

    @faulty.get("/stream")
    def stream() -> Stream:
        return Stream(parts())

    # The server then closes the connection, so that the client sees an incomplete response.
    with pytest.raises(RuntimeError):
        await ask(faulty, "/stream", sent)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


@pytest.mark.parametrize("name", ["bug", "lost", "refused"])
async def test_an_error_before_the_first_part_of_a_stream_is_a_problem(
    faulty: FastAPI, api: AsyncClient, name: str
) -> None:
    async def parts() -> AsyncIterator[str]:
        fail(name)
        yield "one"

    faulty.add_api_route("/stream", lambda: Stream(parts()))
    in_the_route, in_the_stream = await api.get(f"/fail/{name}"), await api.get("/stream")
    assert problem(in_the_stream).code == problem(in_the_route).code


@pytest.mark.parametrize("parts", [[], ["one"], ["one", b"two", "three"]])
async def test_a_stream_is_sent_whole(
    faulty: FastAPI, api: AsyncClient, parts: list[str | bytes]
) -> None:
    faulty.add_api_route("/stream", lambda: Stream(iter(parts)))
    answer = await api.get("/stream")
    assert (answer.status_code, answer.text) == (200, "onetwothree"[: len(answer.text)])
    assert len(answer.content) == sum(map(len, parts))


async def test_unknown_paths_and_methods(api: AsyncClient) -> None:
    assert problem(await api.get("/nowhere")).code == "not_found"
    wrong = await api.post("/health/live")
    assert problem(wrong).code == "method_not_allowed"
    assert wrong.headers["allow"] == "GET, HEAD"
    of_two_routes = await api.put("/api/v1/users/me")
    assert of_two_routes.headers["allow"] == "GET, PATCH"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"text": "caf\xe9"}', 400, "bad_request"),
        (b"\xff\xfe\x00", 400, "bad_request"),
        (b'{"text": ', 422, "invalid_request"),
        (b"", 422, "invalid_request"),
        (b"[]", 422, "invalid_request"),
        (b"null", 422, "invalid_request"),
        (b'{"text": NaN}', 422, "invalid_request"),
        (b'{"text": 1}', 422, "invalid_request"),
        (b"[" * LIMIT, 400, "bad_request"),
        (b'{"text": "a", "\\ud800": 1}', 422, "invalid_request"),
    ],
)
async def test_a_malformed_body(api: AsyncClient, body: bytes, status: int, code: str) -> None:
    answer = await api.post("/echo", content=body, headers={"Content-Type": "application/json"})
    found = problem(answer)
    assert (found.status, found.code) == (status, code)


async def test_field_errors_name_the_fields_without_their_values(api: AsyncClient) -> None:
    answer = await api.post("/echo", json={"text": ["hunter2"], "colour": "hunter2"})
    errors = {tuple(error.location): error.type for error in problem(answer).errors}
    assert errors == {("body", "text"): "string_type", ("body", "colour"): "extra_forbidden"}
    assert "hunter2" not in answer.text


async def chunks(size: int) -> AsyncIterator[bytes]:
    yield b'{"text": "'
    for _ in range(size // 100):
        yield b"x" * 100
    yield b'"}'


async def test_a_body_above_the_limit_is_refused_declared_or_not(api: AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    small = await api.post("/echo", content=chunks(LIMIT - 200), headers=headers)
    assert small.status_code == 200
    declared = await api.post("/echo", content=b"x" * (LIMIT + 1), headers=headers)
    assert problem(declared).code == "content_too_large"
    undeclared = await api.post("/echo", content=chunks(LIMIT + 100), headers=headers)
    assert problem(undeclared).code == "content_too_large"
    assert problem(undeclared).detail == problem(declared).detail
    assert str(LIMIT) in problem(declared).detail


async def test_a_body_with_a_too_large_content_length_is_not_read(faulty: FastAPI) -> None:
    sent: list[Any] = []
    await ask(faulty, "/echo", sent, content_length="99999999999")
    assert sent[0]["status"] == 413


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
async def test_text_that_postgres_cannot_store(
    client: AsyncClient, sign_in: SignIn, text: str
) -> None:
    person = await sign_in()
    answer = await client.patch(
        ME, content=json.dumps({"display_name": text}), headers=person.headers
    )
    assert problem(answer).code == "invalid_request"
    assert answer.status_code == 422
    assert (await client.get(ME, headers=person.headers)).json()["display_name"] is None


async def test_unknown_query_parameters_and_wrong_paths(
    client: AsyncClient, sign_in: SignIn
) -> None:
    from app.extensions.users.models import Role

    admin = await sign_in(role=Role.ADMIN)
    typo = await client.get("/api/v1/users?serach=a", headers=admin.headers)
    (error,) = problem(typo).errors
    assert (error.location, error.type) == (["query", "serach"], "extra_forbidden")
    path = await client.get("/api/v1/users/7", headers=admin.headers)
    assert problem(path).errors[0].location == ["path", "user_id"]
    nul = await client.get("/api/v1/users?search=%00", headers=admin.headers)
    assert (nul.status_code, problem(nul).code) == (422, "nul_character")


async def test_a_response_has_the_ids_of_features(
    api: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(context.IDS, "parcel_id", lambda: "the-parcel")
    monkeypatch.setitem(context.IDS, "letter_id", lambda: None)
    body = (await api.get("/fail/lost")).json()
    assert body["parcel_id"] == "the-parcel"
    assert "letter_id" not in body
