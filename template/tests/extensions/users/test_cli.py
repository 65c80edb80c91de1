"""`app user`, with the local Supabase and a separate database."""

import asyncio
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner, Result

from app.core.cli.errors import CliError
from app.core.errors import AppError, ConflictError, NotFoundError, UnavailableError
from app.core.settings import load_settings
from app.extensions.users.cli import cli
from devstack.supabase import LocalSupabase

EMAIL = "ada@example.com"


@pytest.fixture(autouse=True)
def own_database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The commands commit, so they must not use the database of other tests."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


async def user(*arguments: str) -> Result:
    """Run a command in a thread, because it starts its own event loop."""
    runner = CliRunner(env={"COLUMNS": "200"})
    result = await asyncio.to_thread(runner.invoke, cli, list(arguments))
    if isinstance(result.exception, AppError):
        raise result.exception
    return result


async def row(email: str) -> list[str]:
    listed = await user("list", "--search", email)
    return listed.stdout.splitlines()[1].split() if listed.stdout.count("\n") > 1 else []


async def test_creating_a_user_twice_changes_nothing(
    supabase: LocalSupabase,
) -> None:
    for _ in range(2):
        created = await user("create", EMAIL, "--password", "correct horse 1", "--role", "admin")
        assert created.exit_code == 0, created.output
    assert supabase.auth.store.by_email(EMAIL) is not None
    assert (await row(EMAIL))[:3] == [EMAIL, "admin", "approved"]


async def test_status_and_role_change(supabase: LocalSupabase) -> None:
    await user("create", "bob@example.com", "--password", "correct horse 1")
    # There is another admin, because the last one cannot be suspended.
    await user("create", EMAIL, "--password", "correct horse 1", "--role", "admin")
    for command, expected in (
        ("suspend", ["user", "suspended"]),
        ("approve", ["user", "approved"]),
        ("promote", ["admin", "approved"]),
    ):
        done = await user(command, "bob@example.com")
        assert done.exit_code == 0, done.output
        assert (await row("bob@"))[1:3] == expected


async def test_an_existing_user_keeps_role_and_status(supabase: LocalSupabase) -> None:
    await user("create", EMAIL, "--password", "correct horse 1", "--role", "admin")
    await user("create", "kim@example.com", "--password", "correct horse 1", "--role", "admin")
    await user("suspend", "kim@example.com")
    again = await user("create", "kim@example.com")
    assert again.exit_code == 0, again.output
    assert (await row("kim@"))[1:3] == ["admin", "suspended"]


@pytest.mark.parametrize("command", ["promote", "approve", "suspend"])
async def test_an_unknown_user_is_an_error(command: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        await user(command, "unknown@example.com")
    assert caught.value.code == "user_not_found"


async def test_the_reason_of_auth_is_passed_on() -> None:
    with pytest.raises(AppError, match=r"[Pp]assword"):
        await user("create", "eve@example.com", "--password", "x")


async def test_the_last_admin_cannot_be_suspended(supabase: LocalSupabase) -> None:
    await user("create", EMAIL, "--password", "correct horse 1", "--role", "admin")
    listed = (await user("list", "--limit", "100")).stdout.splitlines()[1:]
    for line in listed:
        if line.split()[0] != EMAIL:
            await user("suspend", line.split()[0])
    with pytest.raises(ConflictError) as caught:
        await user("suspend", EMAIL)
    assert caught.value.code == "last_admin"
    assert (await row(EMAIL))[1:3] == ["admin", "approved"]


async def test_without_auth_no_user_is_created(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", "http://127.0.0.1:1")
    load_settings.cache_clear()
    with pytest.raises(UnavailableError):
        await user("create", "zoe@example.com", "--password", "correct horse 1")
    assert await row("zoe@") == []


async def test_a_password_can_come_from_the_environment_only_without_a_terminal(
    supabase: LocalSupabase,
) -> None:
    refused = await user("create", "eve@example.com")
    assert isinstance(refused.exception, CliError)
    assert "USER_PASSWORD" in str(refused.exception)
    assert supabase.auth.store.by_email("eve@example.com") is None


async def test_a_user_is_deleted_here_and_in_auth(supabase: LocalSupabase) -> None:
    await user("create", "bob@example.com", "--password", "correct horse 1")
    asked = await user("delete", "bob@example.com")
    assert (asked.exit_code, "Aborted" in asked.output) == (1, True)
    assert await row("bob@example.com")
    done = await user("delete", "bob@example.com", "--yes")
    assert done.exit_code == 0, done.output
    assert await row("bob@example.com") == []
    assert supabase.auth.store.by_email("bob@example.com") is None
    with pytest.raises(NotFoundError):
        await user("delete", "bob@example.com", "--yes")
