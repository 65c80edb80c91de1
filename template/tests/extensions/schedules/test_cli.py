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
    """Return the rows of the table that a command prints, without the time of the next run."""
    lines = schedule(*arguments).stdout.splitlines()[1:]
    return [line.split()[:5] for line in lines]


def test_a_schedule_is_added_resumed_paused_and_removed(start_beat: Start) -> None:
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
    ("options", "named"),
    [
        (("--every", "0"), r"every:"),
        (("--crontab", "0 6"), r"crontab:"),
        ((), r"crontab or every"),
        (("--every", "9", "--arguments", "{"), r"^--arguments"),
        (("--every", "9", "--arguments", "[1]"), r"arguments:"),
    ],
)
def test_a_wrong_schedule_is_refused(
    start_beat: Start, options: tuple[str, ...], named: str
) -> None:
    with pytest.raises(CliError, match=named):
        schedule("add", "mine", "core.heartbeat", *options)


def test_without_redis_the_message_names_the_setting(
    start_beat: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.core.tasks.application import celery

    unreachable = redis.Redis(host="127.0.0.1", port=1)
    # The command sets this attribute, and monkeypatch restores it.
    monkeypatch.setattr(celery, "redbeat_redis", unreachable)
    monkeypatch.setattr("app.extensions.schedules.celery.store", lambda: unreachable)
    load_settings.cache_clear()
    with pytest.raises(CliError, match="REDIS_URL"):
        schedule("list")
