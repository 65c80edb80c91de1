"""Log lines in both formats."""

import errno
import io
import json
import logging
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from app.core import context
from app.core.logging import access_log, configure_logging, get_logger, log_seldom
from app.core.settings import get_settings

Configure = Callable[..., io.StringIO]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """Configure the logs with changed settings and return the output."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def configure(*, terminal: bool = False, **changes: str) -> io.StringIO:
        output = io.StringIO()
        monkeypatch.setattr(output, "isatty", lambda: terminal)
        monkeypatch.setattr(sys, "stderr", output)
        configure_logging(get_settings().model_copy(update=changes))
        return output

    yield configure
    monkeypatch.undo()
    configure_logging(get_settings())
    root.handlers[:] = handlers
    root.setLevel(level)


def is_json(output: io.StringIO) -> bool:
    return output.getvalue().startswith("{")


@pytest.mark.parametrize(
    ("log_format", "environment", "terminal", "expected"),
    [
        ("auto", "local", False, False),
        ("auto", "production", True, False),
        ("auto", "production", False, True),
        ("console", "production", False, False),
        ("json", "local", True, True),
    ],
)
def test_the_format_follows_the_settings_and_the_terminal(
    configure: Configure, log_format: str, environment: str, terminal: bool, expected: bool
) -> None:
    output = configure(terminal=terminal, log_format=log_format, environment=environment)
    get_logger("any").info("hello")
    assert is_json(output) is expected


def test_a_line_in_json(configure: Configure) -> None:
    output = configure(log_format="json")
    get_logger("shop").info("paid", amount=3, who="Zoë")
    line = json.loads(output.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "paid", "amount": 3, "who": "Zoë", "level": "info", "logger": "shop"}


def test_a_line_in_a_terminal(configure: Configure) -> None:
    output = configure(log_format="console")
    get_logger("shop").info("paid", amount=3)
    assert "[info     ] paid [shop] amount=3" in output.getvalue()
    assert "\x1b" not in output.getvalue()


def test_every_line_has_the_context(configure: Configure) -> None:
    output = configure(log_format="json")
    tokens = [(v, v.set(f"the-{name}")) for name, v in context.BOUND.items()]
    try:
        get_logger("ours").info("one")
        logging.getLogger("theirs").warning("two %s", "words")
    finally:
        for variable, token in tokens:
            variable.reset(token)
    get_logger("ours").info("three")
    ours, theirs, after = output.getvalue().splitlines()
    for name in context.BOUND:
        assert f"the-{name}" in ours
        assert f"the-{name}" in theirs
        assert f"the-{name}" not in after
    assert "two words" in theirs


def test_every_line_has_the_ids_of_features(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = configure(log_format="json")
    ids = iter(["first", "second", None])
    monkeypatch.setitem(context.IDS, "parcel_id", lambda: next(ids))
    get_logger("ours").info("one")
    access_log(get_settings())(path="/")
    get_logger("ours").info("three")
    found = [json.loads(line).get("parcel_id") for line in output.getvalue().splitlines()]
    assert found == ["first", "second", None]


@pytest.mark.parametrize(
    ("bound", "prefix"),
    [
        ({"request_id": "1c369a4dcfba479e89e11c3154818574"}, "[54818574] paid"),
        # Ids of tasks begin with the time, so neighbours begin with the same letters.
        (
            {"request_id": "1c369a4d", "task_id": "01a1fcd9-3490-77e5-b897-ef4cbc212ade"},
            "[bc212ade] paid",
        ),
        ({}, "] paid"),
    ],
)
def test_a_short_id_stands_before_the_message_in_a_terminal(
    configure: Configure, bound: dict[str, str], prefix: str
) -> None:
    output = configure(log_format="console")
    tokens = [(context.BOUND[name], context.BOUND[name].set(bound[name])) for name in bound]
    try:
        get_logger("shop").info("paid")
        logging.getLogger("theirs").warning("paid %d", 3)
    finally:
        for variable, token in tokens:
            variable.reset(token)
    for line in output.getvalue().splitlines():
        assert prefix in line
        assert "_id=" not in line


def test_lines_of_libraries_have_the_same_shape(configure: Configure) -> None:
    output = configure(log_format="json")
    logging.getLogger("uvicorn.error").info(
        "Started %d", 7, extra={"color_message": "\x1b[36mStarted\x1b[0m", "port": 1}
    )
    logging.getLogger("uvicorn.access").info("GET /")
    line = json.loads(output.getvalue())
    assert (line["event"], line["logger"], line["port"]) == ("Started 7", "uvicorn.error", 1)
    assert "color_message" not in line


def test_less_severe_lines_are_left_out(configure: Configure) -> None:
    output = configure(log_level="warning", log_format="console")
    get_logger("ours").info("quiet")
    logging.getLogger("theirs").info("quiet")
    get_logger("ours").warning("loud")
    assert "quiet" not in output.getvalue()
    assert "loud" in output.getvalue()


def test_cores_own_tasks_are_logged_when_they_fail(configure: Configure) -> None:
    output = configure(log_format="json")
    celery = logging.getLogger("celery.app.trace")
    celery.info("Task done", extra={"data": {"name": "core.heartbeat"}})
    assert output.getvalue() == ""
    celery.error("Task failed", extra={"data": {"name": "core.heartbeat"}})
    celery.info("Task done", extra={"data": {"name": "items.report"}})
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["Task failed", "Task done"]
    assert all("data" not in line for line in lines)


def test_requests_of_http_clients_are_not_logged(configure: Configure) -> None:
    output = configure(log_level="info")
    logging.getLogger("httpx").info("HTTP Request: GET https://auth.example/user?token=x")
    assert output.getvalue() == ""


def test_logs_do_not_go_to_standard_output() -> None:
    """Standard output is for the output of a command."""
    code = "from app.core.logging import *; from app.core.settings import get_settings\n"
    code += "configure_logging(get_settings()); get_logger('x').info('hello')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert "hello" in done.stderr


@pytest.mark.parametrize("path", ["/api/v1/items", "/größe/\ud800\n\x1b[31m"])
@pytest.mark.parametrize("user", [None, "de130ea9-70d9-4b5f-b944-b6b203d9c12d"])
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_the_access_line_is_the_same_with_and_without_another_handler(
    configure: Configure, path: str, user: str | None, log_format: str
) -> None:
    output = configure(log_format=log_format)
    write = access_log(get_settings().model_copy(update={"log_format": log_format}))
    token = context.user_id.set(user)
    fields = {"method": "GET", "path": path, "status": 200, "ms": 1.5}
    write(**fields)
    other = logging.NullHandler()
    logging.getLogger().addHandler(other)
    write(**fields)
    context.user_id.reset(token)
    first, second = (
        re.sub(r"\d\d:\d\d:\d\d(\.\d{6}Z)?", "TIME", line)
        for line in output.getvalue().splitlines()
    )
    assert first == second
    assert "TIME" in first


def test_the_access_line_follows_the_level(configure: Configure) -> None:
    output = configure(log_format="json", log_level="warning")
    access_log(get_settings().model_copy(update={"log_format": "json"}))(path="/")
    assert output.getvalue() == ""


def test_an_access_line_that_cannot_be_written_stops_no_request(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(log_format="json")
    write = access_log(get_settings().model_copy(update={"log_format": "json"}))

    def fail(_: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sys.stderr, "write", fail)
    write(path="/")


def test_a_logger_that_repeats_itself_is_heard_seldom(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logger = logging.getLogger("tests.seldom")
    log_seldom(logger.name, seconds=60)
    now = time.time()

    def say(message: str, level: int, later: float) -> None:
        record = logger.makeRecord(logger.name, level, "", 0, message, (), None)
        record.created = now + later
        logger.handle(record)

    say("connecting", logging.DEBUG, 0)
    say("down", logging.WARNING, 1)
    say("still down", logging.ERROR, 60)
    say("down again", logging.WARNING, 62)
    assert caplog.messages == ["connecting", "down", "down again"]
