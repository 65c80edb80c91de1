"""Whatever an integration adds to an event, it does not leave the backend."""

import json
from typing import Any

from app.extensions.sentry.privacy import cleaned

SECRET = "hunter2"


def test_only_known_parts_are_left() -> None:
    frame = {"function": "pay", "lineno": 3, "vars": {"password": SECRET}}
    event: dict[str, Any] = {
        "event_id": "1",
        "transaction": "POST /pay",
        "level": "error",
        "tags": {"feature": "shop"},
        "user": {"id": "7", "email": SECRET, "ip_address": SECRET, "username": SECRET},
        "request": {
            "url": f"https://x/{SECRET}",
            "query_string": SECRET,
            "headers": {"authorization": SECRET},
            "cookies": {"session": SECRET},
            "data": {"note": SECRET},
            "env": {"REMOTE_ADDR": SECRET},
        },
        "extra": {"sys.argv": [SECRET], "celery-job": {"args": [SECRET]}},
        "contexts": {"runtime": {"name": "CPython"}, "response": {"body": SECRET}},
        "breadcrumbs": {"values": [{"message": SECRET}]},
        "logentry": {"message": SECRET},
        "exception": {
            "values": [{"type": "E", "value": SECRET, "stacktrace": {"frames": [frame]}}]
        },
        "threads": {"values": [{"stacktrace": {"frames": [frame]}}]},
        "modules": {"x": SECRET},
        "spans": [{"description": SECRET}],
    }
    found: Any = cleaned(event, {})  # type: ignore[arg-type]
    assert SECRET not in json.dumps(found)
    assert found["user"] == {"id": "7"}
    assert found["transaction"] == "POST /pay"
    assert found["contexts"] == {"runtime": {"name": "CPython"}}
    (value,) = found["exception"]["values"]
    assert value["type"] == "E"
    assert value["stacktrace"]["frames"] == [{"function": "pay", "lineno": 3}]


def test_a_check_in_stays_one() -> None:
    event: Any = {"type": "check_in", "status": "ok", "request": SECRET, "user": {"email": SECRET}}
    assert cleaned(event, {}) == {"type": "check_in", "status": "ok"}


def test_an_event_without_an_exception_is_sent() -> None:
    found: Any = cleaned({"event_id": "1", "user": {"email": SECRET}}, {})
    assert found == {"event_id": "1", "exception": {"values": []}}
