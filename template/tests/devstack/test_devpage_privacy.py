"""What the development page hides: by names, by shapes and by values."""

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.exceptions import ResponseValidationError
from pydantic import BaseModel, ValidationError
from redis import RedisError
from starlette.datastructures import Headers

from devstack.devpage.recorder import headers, privacy, sender
from tests.support.canaries import told

CANARY = "c4nary-Zq81Lw0pXv77Ty"
SPOKEN = "open sesame"  # no shape betrays it


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Bearer abcdefghij", "Bearer •••"),
        ("postgresql://me:hunter2@host/db", "postgresql://me:•••@host/db"),
        ("https://hunter2@host/42", "https://•••@host/42"),
        ("eyJhbGciOi.eyJzdWIi.sig-nature", "•••"),
        ("password=hunter22 and more", "password=••• and more"),
        ("WHERE token = $1", "WHERE token = $1"),
        ("sb_secret_" + "abcdefgh123", "•••"),
    ],
    ids=["bearer", "address", "name", "jwt", "assignment", "placeholder", "key"],
)
def test_shapes_of_secrets(text: str, kept: str) -> None:
    assert privacy.text(text) == kept


def test_secrets_of_the_settings_are_hidden_in_any_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privacy, "_known", None)
    privacy.know(["hunter", "hunter.two", "short"])
    assert privacy.text("plain hunter.two, hunter; short") == "plain •••, •••; short"


@dataclass
class Login:
    name: str
    password: str


class Answer(BaseModel):
    name: str
    otp: str


@pytest.mark.parametrize(
    "value",
    [
        {"name": "Ada", "password": SPOKEN},
        {"name": "Ada", "more": [{"api_key": {"value": SPOKEN}}]},
        [Login("Ada", SPOKEN)],
        {"name": Answer(name="Ada", otp=SPOKEN)},
        json.dumps({"name": "Ada", "session": SPOKEN}),
        json.dumps({"name": "Ada", "otps": [SPOKEN, SPOKEN]}),
        json.dumps({"body": json.dumps({"name": "Ada", "passphrase": SPOKEN})}),
        json.dumps({"name": "Ada", "otp": f"{SPOKEN} and what follows"})[:-12],
        str(Login("Ada", SPOKEN)),
        f"Ada has password: '{SPOKEN}'",
    ],
)
def test_a_secret_inside_of_a_field_is_hidden(value: Any) -> None:
    kept = privacy.text(privacy.field("login", value))
    assert "Ada" in kept
    assert privacy.HIDDEN in kept
    assert told(kept, "sesame") == []


def test_a_field_that_contains_itself_is_cut() -> None:
    value: dict[str, Any] = {}
    value["again"] = [value]
    assert privacy.field("login", value).count("again") < 10


def test_headers_that_identify_somebody_are_hidden() -> None:
    credentials = b64encode(f"ada:{SPOKEN}".encode()).decode()
    found = headers.secrets(
        Headers(
            {
                "authorization": f"Basic {credentials}",
                "cookie": f'theme=sidebar; session="{CANARY}"; analytics=enabled; plain',
                "accept": "application/json",
            }
        )
    )
    said = f"{CANARY} {credentials} {SPOKEN}: theme sidebar, analytics enabled, plain json"
    hidden = f"{privacy.HIDDEN} {privacy.HIDDEN} {privacy.HIDDEN}"
    assert privacy.text(said, found) == f"{hidden}: theme sidebar, analytics enabled, plain json"


@pytest.mark.parametrize("value", ["Basic", "Basic !", "Basic /w==", "Bearer x"])
def test_headers_that_are_wrong_hide_what_they_are(value: str) -> None:
    assert value in headers.secrets(Headers({"authorization": value}))


class Body(BaseModel):
    number: int


def messages_with_values() -> Iterator[Exception]:
    """What libraries say of a value that they do not accept."""
    try:
        Body.model_validate({"number": CANARY})
    except ValidationError as error:
        yield error
    details = {"type": "int_parsing", "loc": ("number",), "msg": "no number"}
    yield ResponseValidationError([details | {"input": CANARY}, details | {"input": [CANARY]}])
    yield RedisError(f"Command # 1 (SET note {CANARY}) of pipeline caused error: out of memory")


def test_messages_of_errors_hold_no_values() -> None:
    for error in messages_with_values():
        assert CANARY in str(error)
        shown = privacy.error_message(error)
        assert CANARY not in shown
        assert any(word in shown for word in ("int_parsing", "out of memory"))


def test_a_record_that_cannot_be_written_keeps_no_other_one_back() -> None:
    endless: list[Any] = []
    endless.append(endless)
    line = {"kind": "log", "at": 1.0, "entry": "e1", "text": "fine"}
    sent = json.loads(sender._body([({**line, "text": endless}, ()), (line, ())]))
    assert [each["entry"] for each in sent] == ["e1", "e1"]
    assert ("RecursionError" in sent[0]["text"], sent[1]["text"]) == (True, "fine")
