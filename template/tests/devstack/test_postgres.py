"""The embedded PostgreSQL."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from devstack import server
from devstack.errors import DevStackError
from devstack.ports import listen
from devstack.postgres import Postgres
from tests.devstack.processes import eventually


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder; the first test that starts a server fills it."""
    return tmp_path_factory.mktemp("postgres") / "data"


@pytest.fixture
def postgres(data: Path) -> Iterator[Postgres]:
    with Postgres(data) as running:
        yield running


def test_it_is_set_up_like_supabase(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        row = connection.execute(
            "select current_user, rolsuper, rolbypassrls, lower('É'), '[1,2]'::vector <=> '[2,1]',"
            " auth.uid(), auth.role() from pg_roles where rolname = current_user"
        ).fetchone()
        assert row is not None
        assert row[:4] == ("postgres", False, True, "é")
        assert row[4] == pytest.approx(0.2)
        assert row[5:] == (None, None)
        connection.execute(
            "select set_config('request.jwt.claims', %s, true), set_config('role', 'anon', true)",
            ['{"sub": "7b5a3c1e-0000-4000-8000-000000000001", "role": "anon"}'],
        )
        row = connection.execute("select auth.uid()::text, auth.jwt()->>'role'").fetchone()
        assert row == ("7b5a3c1e-0000-4000-8000-000000000001", "anon")


def test_roles_are_as_on_supabase(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        rows = connection.execute(
            "select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcanlogin,"
            " pg_has_role('postgres', oid, 'member') from pg_roles where rolname = any (%s)",
            [["anon", "authenticated", "service_role", "authenticator", "supabase_auth_admin"]],
        ).fetchall()
        owner = connection.execute(
            "select pg_get_userbyid(datdba) from pg_database where datname = current_database()"
        ).fetchone()
    assert {name: flags for name, *flags in rows} == {
        "anon": [False, False, False, False, True],
        "authenticated": [False, False, False, False, True],
        "service_role": [False, True, False, False, True],
        "authenticator": [False, False, False, True, True],
        "supabase_auth_admin": [False, False, True, False, False],
    }
    assert owner == ("postgres",)


def test_a_table_in_public_is_readable_as_on_supabase(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("create database another")
    other = psycopg.conninfo.make_conninfo(postgres.url, dbname="another")
    with psycopg.connect(other) as connection:
        connection.execute("create table public.unprotected (id int)")
        row = connection.execute(
            "select has_table_privilege('anon', 'public.unprotected', 'select')"
        ).fetchone()
        assert row == (True,)


def test_a_password_is_required(postgres: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url.replace(postgres.password, "wrong"))
    mode = postgres.data_dir.with_name("data.password").stat().st_mode
    assert mode & 0o777 == 0o600


def test_data_survives_a_kill(data: Path) -> None:
    first = Postgres(data).start()
    with psycopg.connect(first.url) as connection:
        connection.execute("create table public.kept as select 42 as answer")
    assert first.process is not None
    first.process.kill()
    first.process.wait()
    with Postgres(data) as second, psycopg.connect(second.url) as connection:
        assert connection.execute("select answer from public.kept").fetchone() == (42,)


def test_a_pid_file_of_another_program_is_ignored(data: Path) -> None:
    Postgres(data).start().stop()
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n1\n1\n\n127.0.0.1\n\nready\n")
    with Postgres(data) as running:
        assert running.answers()


def test_a_second_server_on_one_folder_is_refused(
    postgres: Postgres, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "ORPHAN_SECONDS", 0)
    assert postgres.process is not None
    with pytest.raises(DevStackError, match=rf"\b{postgres.process.pid}\b"):
        Postgres(data).start()


def test_an_orphan_is_stopped_by_the_owner_of_the_folder(data: Path) -> None:
    orphan = Postgres(data).start()
    assert orphan.process is not None
    second = Postgres(data)
    assert second.owner() == orphan.process.pid
    second.stop_orphan()
    assert second.owner() is None
    assert orphan.process.wait(5) == 0


def test_another_port_is_used_if_the_preferred_one_is_in_use(data: Path) -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        with Postgres(data, port) as running:
            assert running.port != port


def test_it_ends_when_its_parent_is_killed(data: Path) -> None:
    script = (
        "import pathlib, sys, time\n"
        "from devstack.postgres import Postgres\n"
        "server = Postgres(pathlib.Path(sys.argv[1])).start()\n"
        "print('up', flush=True)\n"
        "time.sleep(60)\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script, data],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).absolute().parents[2],
        text=True,
    )
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        assert Postgres(data).owner() is not None
        owner.send_signal(signal.SIGKILL)
    assert eventually(lambda: Postgres(data).owner() is None)


def test_data_of_another_major_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(DevStackError, match=r"PostgreSQL 9\b.*--reset"):
        Postgres(tmp_path / "data").start()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DevStackError, match=re.escape(str(tmp_path))):
        Postgres(tmp_path).start()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_wrong_folder_of_programs_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEV_POSTGRES_BIN", str(tmp_path / "nowhere"))
    with pytest.raises(DevStackError, match=r"nowhere.*DEV_POSTGRES_BIN"):
        Postgres(tmp_path / "data").start()


def test_root_without_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("postgres", "initdb"):
        # Fails like on a system without user namespaces and the user nobody.
        (programs / name).write_text("#!/bin/sh\necho forbidden here >&2\nexit 1\n")
        (programs / name).chmod(0o755)
    with pytest.raises(DevStackError, match=r"forbidden here.*DATABASE_URL"):
        Postgres(tmp_path / "data", bin_dir=programs).start()
