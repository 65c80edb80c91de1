"""`app schedule`."""

import pytest
import redis
from typer.testing import CliRunner, Result

from app.core.cli.errors import CliError
from app.core.settings import load_settings
from app.extensions.schedules.cli import cli
from tests.extensions.schedules.conftest import Start


def schedule(*arguments: str) -> Result:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(cli, list(arguments))
    if isinstance(result.exception, Exception):
        raise result.exception
    return result


def shown(*arguments: str) -> list[list[str]]:
    """The rows of the table a command prints, without the time of the next run."""
    lines = schedule(*arguments).stdout.splitlines()[1:]
    return [line.split()[:5] for line in lines]


def test_a_schedule_from_its_first_day_to_its_last(start_beat: Start) -> None:
    start_beat({"core.a": 90})
    added = shown("add", "mine", "core.heartbeat", "--crontab", "0 6 * * *", "--paused")
    assert added == [["mine", "core.heartbeat", "0", "6", "*"]]
    assert "paused" in schedule("list").stdout
    assert "paused" not in schedule("resume", "mine").stdout
    assert "paused" in schedule("pause", "core.a").stdout
    assert [row[0] for row in shown("list")] == ["core.a", "mine"]
    schedule("remove", "mine")
    assert [row[0] for row in shown("list")] == ["core.a"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--every", "0"), r"^This is no schedule \(every: Input should be greater than"),
        (("--crontab", "0 6"), r"^This is no schedule \(crontab: write five fields"),
        ((), r"^This is no schedule \(give either crontab or every\)\.$"),
        (("--every", "9", "--arguments", "{"), r"^--arguments is no JSON \(.*: write an object"),
        (("--every", "9", "--arguments", "[1]"), r"^This is no schedule \(arguments: Input should"),
    ],
)
def test_what_is_no_schedule_is_said(
    start_beat: Start, options: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(CliError, match=sentence):
        schedule("add", "mine", "core.heartbeat", *options)


def test_without_redis_there_is_a_sentence(
    start_beat: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.core.tasks.application import celery

    nobody = redis.Redis(host="127.0.0.1", port=1)
    # The command sets it, and this sets it back.
    monkeypatch.setattr(celery, "redbeat_redis", nobody)
    monkeypatch.setattr("app.extensions.schedules.celery.store", lambda: nobody)
    load_settings.cache_clear()
    with pytest.raises(CliError, match=r"^Redis does not answer .* Is REDIS_URL right"):
        schedule("list")
