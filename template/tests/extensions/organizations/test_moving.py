"""`app feature scope` in a copy of the project, with rows of several users."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import tuple_row

from app.core.database.models import SCHEMA
from tests.support import databases

ROOT = Path(__file__).parents[3]
FEATURES = ("parcels", "labels")
ROWS = 12_000  # of the first user: more than two batches
# Applies the migrations, and prints their number and the findings of squawk.
UPGRADE = """
import tempfile
from pathlib import Path
from app.core.migrations import commands
from tests.core.migrations.unsafe import recorded, unsafe
with recorded() as statements, tempfile.TemporaryDirectory() as folder:
    commands.upgrade()
    print(len(statements), *unsafe(statements, Path(folder)))
"""
# Prints why features cannot be moved.
REFUSED = """
import sys
from devstack.commands.feature import scope_command
for name in sys.argv[2:]:
    try:
        scope_command(name, sys.argv[1])
    except Exception as error:
        print(error)
"""


# More lines of the first migration of `labels`.
MORE = """
    op.create_unique_constraint("uq_labels_title", "labels", ["title"], schema=SCHEMA)
    op.execute(f"GRANT SELECT ON {SCHEMA}.labels TO authenticated")
    mine = "USING (owner_id = (SELECT auth.uid()))"
    op.execute(f"CREATE POLICY owner ON {SCHEMA}.labels FOR SELECT TO authenticated {mine}")
""".rstrip()
# What somebody writes into the models of `labels` by hand.
LABELS = (
    ('UniqueConstraint("title")', 'UniqueConstraint("organization_id", "title")'),
    ('"ix_labels_owner_id_created_at"', '"ix_labels_organization_id_created_at"'),
    ('"owner_id", "created_at"', '"organization_id", "created_at"'),
    (
        'owner_id: UUID = Field(foreign_key=f"{SCHEMA}.users.id", ondelete="CASCADE")',
        """organization_id: UUID = Field(
        foreign_key=f"{SCHEMA}.organizations.id", ondelete="CASCADE"
    )
    owner_id: UUID | None = Field(foreign_key=f"{SCHEMA}.users.id", ondelete="SET NULL")""",
    ),
)


class Copy:
    """A copy of the project that may change, and a database of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.environment = {**os.environ, "PYTHONPATH": str(folder), "DATABASE_URL": url}

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def app(self, *arguments: str, fails: bool = False) -> str:
        """Run `app …` and return what it prints."""
        done = self.python("-m", "app", *arguments)
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    def upgrade(self) -> None:
        """Apply one migration, which is safe to deploy."""
        done = self.python("-c", UPGRADE)
        assert done.stdout.split() == ["1"], done.stdout + done.stderr

    def git(self, *arguments: str) -> None:
        who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        subprocess.run(["git", *who, *arguments], cwd=self.folder, check=True, capture_output=True)

    def rows(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url, autocommit=True, row_factory=tuple_row) as connection:
            cursor = connection.execute(statement.replace("app.", f"{SCHEMA}."), values)
            return cursor.fetchall() if cursor.description else []

    def edit(self, path: str, *changes: tuple[str, str]) -> None:
        file = self.folder / path
        code = file.read_text()
        for old, new in changes:
            assert old in code, old
            code = code.replace(old, new)
        file.write_text(code)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The code with two new features of users, and the name of a database with their tables.

    The second feature has a unique constraint and a policy.
    """
    folder = tmp_path_factory.mktemp("moving")
    for name in ("app", "devstack", "tests"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("ruff.toml", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    with databases.temporary() as url:
        prepare(Copy(folder, url))
        yield folder, url.rpartition("/")[2]


def prepare(copy: Copy) -> None:
    for name in FEATURES:
        copy.app("feature", "new", name)
    labels = "app/features/labels"
    copy.edit(
        f"{labels}/models.py",
        ("import Index", "import Index, UniqueConstraint"),
        ("__table_args__ = (Index(", '__table_args__ = (UniqueConstraint("title"), Index('),
    )
    file = f"{labels}/migrations/labels_0001_labels.py"
    copy.edit(file, ("\n\n\ndef downgrade", f"\n{MORE}\n\n\ndef downgrade"))
    copy.git("init", "--quiet")
    copy.git("add", "--all")
    copy.git("commit", "--quiet", "--message", "Two features of users")
    copy.app("db", "upgrade")


@pytest.fixture
def copy(written: tuple[Path, str]) -> Iterator[Copy]:
    """The code as it was written, and a copy of its database."""
    folder, database = written
    with databases.temporary(database) as url:
        copy = Copy(folder, url)
        copy.git("reset", "--quiet", "--hard")
        copy.git("clean", "--quiet", "--force", "-d")
        yield copy


def add_user(copy: Copy, *, email: str | None, personal: bool) -> UUID:
    user = uuid4()
    copy.rows(
        "INSERT INTO app.users (id, email, role, status, created_at, updated_at)"
        " VALUES (%s, %s, 'user', 'approved', now(), now())",
        *(user, email),
    )
    if personal:
        copy.rows(
            "INSERT INTO app.organizations (id, slug, name, personal_of, created_at, updated_at)"
            " VALUES (%s, %s, 'Personal', %s, now(), now())",
            *(uuid4(), f"p-{user.hex[:8]}", user),
        )
    return user


def add_rows(copy: Copy, table: str, owner: UUID, count: int, title: str = "") -> None:
    copy.rows(
        f"INSERT INTO app.{table} (id, owner_id, title, done, created_at, updated_at)"
        " SELECT gen_random_uuid(), %s, %s || n, false, now(), now()"
        " FROM generate_series(1, %s) AS n",
        *(owner, title, count),
    )


def counts(copy: Copy, table: str) -> dict[UUID, int]:
    """The number of rows in the personal organization of each user."""
    found = copy.rows(
        f"SELECT o.personal_of, count(*) FROM app.{table} AS t"
        " JOIN app.organizations AS o ON o.id = t.organization_id GROUP BY 1"
    )
    return {UUID(str(user)): int(str(count)) for user, count in found}


def definitions(copy: Copy, table: str) -> list[tuple[object, ...]]:
    """Columns, indexes, constraints and policies of a table, as the database describes them."""
    name = f"{SCHEMA}.{table}"
    return [
        *copy.rows(
            "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY 1",
            name,
        ),
        *copy.rows(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = %s::regclass AND contype <> 'n' ORDER BY 1",
            name,
        ),
        *copy.rows(
            "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass"
            " ORDER BY 1",
            name,
        ),
        *copy.rows(
            "SELECT policyname, cmd, qual, with_check FROM pg_policies WHERE tablename = %s", table
        ),
        *copy.rows(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", name
        ),
    ]


def test_rows_of_several_users_move_and_come_back(copy: Copy) -> None:
    before = definitions(copy, "parcels")
    ada = add_user(copy, email="ada@example.com", personal=True)
    bob = add_user(copy, email="bob@example.com", personal=False)
    guest = add_user(copy, email=None, personal=False)
    for owner, count in ((ada, ROWS), (bob, 3), (guest, 2)):
        add_rows(copy, "parcels", owner, count)

    printed = copy.app("feature", "scope", "parcels", "organization")
    assert "Changed app/features/parcels/models.py" in printed
    assert re.search(r"parcels/service\.py:\d+: scope=Parcel\.owner_id,", printed)
    copy.upgrade()

    assert counts(copy, "parcels") == {ada: ROWS, bob: 3, guest: 2}
    copy.app("db", "check")
    added = copy.rows(
        "SELECT role FROM app.organizations_members JOIN app.organizations AS o"
        " ON o.id = organization_id WHERE user_id = o.personal_of AND user_id = ANY (%s)",
        [bob, guest],
    )
    assert added == [("owner",), ("owner",)]
    files = [f"app/features/parcels/{part}" for part in ("models.py", "migrations")]
    for command in (["check"], ["format", "--check"]):
        linted = copy.python("-m", "ruff", *command, *files)
        assert linted.returncode == 0, linted.stdout

    # The last release knows nothing of organizations, and the next one may name no owner.
    late = add_user(copy, email=None, personal=False)
    add_rows(copy, "parcels", late, 1)
    assert counts(copy, "parcels")[late] == 1
    copy.rows("UPDATE app.parcels SET owner_id = NULL WHERE owner_id = %s", bob)

    after = definitions(copy, "parcels")
    copy.app("db", "downgrade", "--feature", "parcels", "--yes")
    assert definitions(copy, "parcels") == before
    owners = copy.rows("SELECT owner_id, count(*) FROM app.parcels GROUP BY 1")
    assert {row[0]: row[1] for row in owners} == {ada: ROWS, bob: 3, guest: 2, late: 1}

    copy.app("db", "upgrade")
    assert definitions(copy, "parcels") == after
    assert counts(copy, "parcels") == {ada: ROWS, bob: 3, guest: 2, late: 1}


@pytest.mark.slow
def test_unique_constraints_and_policies_are_replaced(copy: Copy) -> None:
    before = definitions(copy, "labels")
    ada, bob = [add_user(copy, email=f"{n}@example.com", personal=True) for n in ("ada", "bob")]
    add_rows(copy, "labels", ada, 2, title="a")
    printed = copy.app("feature", "scope", "labels", "organization")
    assert "Change app/features/labels/models.py by hand: see" in printed
    copy.edit("app/features/labels/models.py", *LABELS)
    copy.upgrade()
    copy.app("db", "check")

    add_rows(copy, "labels", bob, 2, title="a")  # the same titles in another organization
    with pytest.raises(psycopg.errors.UniqueViolation):
        add_rows(copy, "labels", bob, 1, title="a")
    (policy,) = copy.rows(
        "SELECT policyname, with_check FROM pg_policies WHERE tablename = 'labels'"
    )
    assert policy[0] == "members"
    assert "member_organizations" in str(policy[1])

    copy.rows("DELETE FROM app.labels WHERE owner_id = %s", bob)
    copy.app("db", "downgrade", "--feature", "labels", "--yes")
    assert definitions(copy, "labels") == before


@pytest.mark.slow
def test_a_move_that_failed_goes_on(copy: Copy) -> None:
    """The organization of a row in the last batch is locked for longer than the migration waits."""
    ada, bob = [add_user(copy, email=f"{n}@example.com", personal=True) for n in ("ada", "bob")]
    add_rows(copy, "parcels", ada, ROWS)
    add_rows(copy, "parcels", bob, 1)
    copy.rows("UPDATE app.parcels SET id = %s WHERE owner_id = %s", UUID(int=2**128 - 1), bob)
    copy.app("feature", "scope", "parcels", "organization")
    with psycopg.connect(copy.url) as other:
        row = f"SELECT FROM {SCHEMA}.organizations WHERE personal_of = %s FOR UPDATE"
        other.execute(row, [bob])
        assert "locked a table for more than 5 seconds" in copy.app("db", "upgrade", fails=True)
    filled = copy.rows("SELECT count(*) FROM app.parcels WHERE organization_id IS NOT NULL")
    assert filled == [(10_000,)]
    copy.app("db", "upgrade")
    assert counts(copy, "parcels") == {ada: ROWS, bob: 1}
    copy.app("db", "check")


@pytest.mark.slow
def test_what_cannot_be_moved_is_refused(copy: Copy) -> None:
    def refused(*names: str, scope: str = "organization") -> list[str]:
        return copy.python("-c", REFUSED, scope, *names).stdout.splitlines()

    copy.app("feature", "new", "shipments", "--scope", "organization")
    copy.app("feature", "new", "news", "--scope", "none", "--model", "news_entry")
    models = "app/features/parcels/models.py"
    copy.edit(models, ("    done: bool", "    rank: int = 0\n    done: bool"))
    nothing, users, shipments, news, parcels = refused(
        *("nothing", "users", "shipments", "news", "parcels")
    )
    assert nothing.startswith("There is no feature 'nothing' in app/features; there are: ")
    assert users.startswith("There is no feature 'users' in app/features")
    assert shipments == "The rows of shipments belong to organizations already."
    assert news.startswith("The table news has no column owner_id")
    assert parcels.startswith("app/features/parcels has changes that are not committed")

    for name in ("shipments", "news"):
        shutil.rmtree(copy.folder / "app/features" / name)
    copy.git("commit", "--quiet", "--message", "A rank", "--", models)
    (differ,) = refused("parcels")
    assert differ.startswith("The models of 'parcels' and its tables differ: run ")
    (planet,) = refused("parcels", scope="planet")
    assert planet == "Rows cannot be moved to the scope 'planet': use organization."
    copy.git("reset", "--quiet", "--hard", "HEAD~")
    assert not [*(copy.folder / "app/features/parcels/migrations").glob("*move*")]
