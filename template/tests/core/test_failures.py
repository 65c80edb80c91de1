"""Which requests are failures, and that a report never makes things worse."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI, HTTPException
from kombu.exceptions import OperationalError
from sqlalchemy import exc as sa

from app.core import failures
from app.core.errors import NotFoundError, UnavailableError
from app.core.failures import Failure, report
from tests.core.conftest import Build, ClientOf

ERRORS: dict[str, tuple[int, Callable[[], Exception]]] = {
    "bug": (500, lambda: RuntimeError("hunter2")),
    "sql": (500, lambda: sa.ProgrammingError("select", {}, Exception())),
    "pool": (503, lambda: sa.TimeoutError("hunter2")),
    "broker": (503, lambda: OperationalError("hunter2")),
    "later": (503, lambda: UnavailableError("Not now.")),
    "gateway": (502, lambda: HTTPException(502)),
    "missing": (404, lambda: NotFoundError("There is none.")),
    "teapot": (418, lambda: HTTPException(418)),
}


def fail(name: str) -> None:
    error = ERRORS[name][1]()
    raise error


@pytest.fixture
def faulty(build: Build) -> FastAPI:
    app = build()
    app.add_api_route("/fail/{name}", fail)
    return app


@pytest.mark.parametrize("name", ERRORS)
async def test_a_request_that_ends_with_5xx_is_a_failure(
    faulty: FastAPI, client_of: ClientOf, failures_told: list[Failure], name: str
) -> None:
    status = ERRORS[name][0]
    async with client_of(faulty) as client:
        assert (await client.get(f"/fail/{name}?q=1")).status_code == status
        await client.get("/fail")
    told = [(each.kind, each.place, each.feature) for each in failures_told]
    assert told == ([("request", "GET /fail/{name}", None)] if status >= 500 else [])


async def test_a_failure_names_the_feature_of_the_route(
    faulty: FastAPI, client_of: ClientOf, failures_told: list[Failure]
) -> None:
    async with client_of(faulty) as client:
        # The API is not started, so it has no verifier.
        await client.get("/api/v1/users/me", headers={"authorization": "Bearer x"})
    (told,) = failures_told
    assert (told.place, told.feature) == ("GET /api/v1/users/me", "users")


def test_a_report_that_fails_is_a_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Failure) -> None:
        raise ConnectionError

    monkeypatch.setattr(failures, "load", lambda _: [(None, broken)])
    report(Failure("task", "x", None, ValueError()))
    assert "failure_not_reported" in caplog.text
