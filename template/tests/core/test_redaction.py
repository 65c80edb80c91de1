"""No log line holds a secret value, wherever the value comes from and however it is written."""

import io
import json
import logging
import secrets
import sys
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from app.core import redaction
from app.core.logging import access_log, configure_logging, get_logger
from app.core.settings import get_settings, load_settings
from app.settings import Settings
from tests.support.canaries import canaries, told

# With characters that JSON, Python and addresses write in another form.
HARD = f'p"a\\s/ß+ {secrets.token_hex(8)}'


@pytest.fixture(params=["json", "console"])
def output(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[io.StringIO]:
    """What is logged in each format."""
    lines = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", lines)
        patch.setattr(redaction, "_forms", redaction._forms)
        configure_logging(get_settings().model_copy(update={"log_format": request.param}))
        yield lines
    configure_logging(get_settings())


def test_the_secrets_of_the_settings_are_in_no_line(output: io.StringIO) -> None:
    found = canaries()
    log = get_logger("ours")
    for secret in found:
        log.info(f"the key is {secret}", key=secret, nested={"of": [secret]})
        logging.getLogger("theirs").warning("sent %s", secret, extra={"header": f"Bearer {secret}"})
        access_log(get_settings())(path=f"/callback?key={secret}")
        try:
            raise RuntimeError(secret)
        except RuntimeError:
            log.exception("failed")
    assert told(output.getvalue(), *found) == []
    assert output.getvalue().count(redaction.MASK) >= 6 * len(found)
    assert "the key is" in output.getvalue()


def test_a_secret_with_hard_characters_is_found_in_each_form(output: io.StringIO) -> None:
    redaction.remember([HARD])
    log = get_logger("ours")
    log.info("plain", key=HARD)
    log.info("address", url=f"https://example.com/?key={quote(HARD, safe='')}")
    log.info("inner", body=json.dumps({"key": HARD}, ensure_ascii=False))
    log.info("shown", value=repr(HARD))
    tail = HARD.rpartition(" ")[2]
    assert tail not in output.getvalue()
    assert output.getvalue().count(redaction.MASK) == 4


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("postgresql://postgres.abcdefghijklmnopqrst:{}@db.example.com:5432/postgres", "{}"),
        ("rediss://:{}@redis.example.com:6379/0", "{}"),
        ("https://{}@errors.example.com/42", "{}"),
        ("service://{}", "{}"),
        ("first-{}|v1,whsec_other", "first-{}"),
    ],
)
def test_the_secret_in_an_address(monkeypatch: pytest.MonkeyPatch, value: str, secret: str) -> None:
    monkeypatch.setattr(redaction, "_forms", ())
    random = secrets.token_hex(12)
    redaction.remember([value.format(random)])
    line = f"connects with {secret.format(random)} to db.example.com as postgres"
    masked = f"connects with {redaction.MASK} to db.example.com as postgres"
    assert redaction.redacted(line) == masked


@pytest.mark.parametrize(
    "value", ["postgresql://postgres@127.0.0.1:5432/postgres", "redis://127.0.0.1:6379/0", "short"]
)
def test_common_words_stay(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setattr(redaction, "_forms", ())
    redaction.remember([value])
    line = "postgres at 127.0.0.1:5432, in short"
    assert redaction.redacted(line) == line


def test_the_longer_one_of_two_is_replaced_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_forms", ())
    redaction.remember(["abcdefgh", "abcdefgh-ijklmnop"])
    assert redaction.redacted("abcdefgh-ijklmnop") == redaction.MASK


def test_settings_are_remembered_when_they_are_read(
    monkeypatch: pytest.MonkeyPatch, fresh_settings: None
) -> None:
    monkeypatch.setattr(redaction, "_forms", ())
    previous = secrets.token_urlsafe(48)
    monkeypatch.setenv("SECRET_KEY_PREVIOUS", previous)
    load_settings(Settings)
    assert redaction.redacted(f"x {previous}") == f"x {redaction.MASK}"
