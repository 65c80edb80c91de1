"""Every table of organizations, of every feature: its indexes, its keys and its policies."""

from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import act_as
from app.core.database.models import SCHEMA, metadata
from app.core.migrations.branches import table_owners
from app.extensions.organizations.service.holdings import scoped_tables as exported_tables
from tests.extensions.organizations.rows import KEY, MEMBERS, Words, fill, scoped_tables
from tests.support import scoped_queries
from tests.support.tenants import Tenant, Tenants
from tests.support.transaction import session_inside

DENIED = "42501"
RULES = sa.text("""
    SELECT tablename, cmd, qual, with_check FROM pg_policies
    WHERE schemaname = :schema AND 'authenticated' = ANY (roles)
""")


def of_features() -> list[sa.Table]:
    """Those of other features: the option's own are also read by user and by token."""
    owners = table_owners()
    return [each for each in scoped_tables() if owners[each.name] != "organizations"]


def test_unique_constraints_and_indexes_start_with_the_organization() -> None:
    wrong = [
        f"{table.name}: {[column.name for column in columns]}"
        for table in of_features()
        for columns in (
            *(list(index.columns) for index in table.indexes),
            *(list(c.columns) for c in table.constraints if isinstance(c, sa.UniqueConstraint)),
        )
        if columns[0].name != KEY
    ]
    assert wrong == []


def test_a_row_below_a_row_of_an_organization_has_the_organization_too() -> None:
    scoped = {table.name for table in scoped_tables()}
    below = {
        f"{table.name} refers to {key.column.table.name}"
        for table in metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name in scoped and table.name not in scoped
    }
    assert below == set()


def test_each_is_exported() -> None:
    assert exported_tables() == scoped_tables()


async def test_policies_check_reads_and_writes_in_a_subquery(session: AsyncSession) -> None:
    scoped = {table.name for table in scoped_tables()}
    policies = await session.run_sync(lambda s: s.execute(RULES, {"schema": SCHEMA}).all())
    assert MEMBERS in {name for name, *_ in policies}
    for name, command, using, check in policies:
        if name in scoped:
            assert "SELECT" in using, name  # as a subquery, it runs once and not for each row
            assert command == "SELECT" or check == using, name


@pytest.fixture
async def two(tenants: Tenants, session: AsyncSession) -> tuple[Tenant, Tenant]:
    pair = [await tenants.create(name, "admin", "member") for name in ("A", "B")]
    for tenant in pair:
        await fill(session, tenant, Words.new())
    return pair[0], pair[1]


async def run(session: AsyncSession, statement: sa.Executable) -> "sa.Result[Any] | None":
    """Run a statement; None if the table is closed or a policy refuses the row."""
    try:
        async with session.begin_nested():
            return await session.run_sync(lambda s: s.execute(statement))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != DENIED:
            raise
        return None


async def rows(session: AsyncSession, statement: sa.Executable) -> set[UUID]:
    """The organizations of the rows that a statement returns."""
    result = await run(session, statement)
    return set(result.scalars()) if result else set()


def changed(result: "sa.Result[Any] | None") -> int:
    """How many rows a statement has changed."""
    return result.rowcount if isinstance(result, sa.CursorResult) else 0


async def acting(connection: AsyncConnection, user_id: UUID) -> AsyncSession:
    session = session_inside(connection)
    act_as(session, user_id)
    return session


async def test_over_the_interfaces_of_supabase_nobody_sees_or_changes_another_organization(
    connection: AsyncConnection, two: tuple[Tenant, Tenant], tenants: Tenants
) -> None:
    a, b = two
    removed = await tenants.join(b, "removed")
    assert (await b.ask("owner", "DELETE", f"/members/{removed.id}")).status_code == 204
    people = [(person.id, {a.id}) for role, person in a.people.items()]
    seen: set[str] = set()
    for user_id, own in [*people, (removed.id, set()), (uuid4(), set())]:
        for table in scoped_tables():
            key = table.c[KEY]
            async with await acting(connection, user_id) as session:
                found = await rows(session, sa.select(key))
                assert found <= own, table.name
                seen |= {table.name} if found else set()
                for change in (sa.update(table).values({key: key}), sa.delete(table)):
                    assert await rows(session, change.returning(key)) <= own, table.name
            async with await acting(connection, user_id) as session:
                columns = [each for each in table.columns if each is not key]
                copy = sa.select(sa.literal(b.id, sa.Uuid), *columns).where(key == a.id)
                # Without RETURNING, to which the policy for reading applies as well.
                for gift in (
                    sa.update(table).values({key: b.id}),
                    sa.insert(table).from_select([key, *columns], copy),
                ):
                    result = await run(session, gift)
                    assert changed(result) == 0, table.name
    assert MEMBERS in seen


async def test_a_deleted_organization_is_closed_over_the_interfaces_of_supabase(
    connection: AsyncConnection, two: tuple[Tenant, Tenant]
) -> None:
    a, _ = two
    members = metadata.tables[f"{SCHEMA}.{MEMBERS}"]
    for expected in ({a.id}, set()):
        async with await acting(connection, a.people["owner"].id) as session:
            assert await rows(session, sa.select(members.c[KEY])) == expected
        await a.ask("owner", "DELETE")


# --- The check of queries ---------------------------------------------------------------------

OTHER = sa.Table(
    "parcels",
    sa.MetaData(schema=SCHEMA),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column(KEY, sa.Uuid),
)
LINE = sa.Table("lines", OTHER.metadata, sa.Column("id", sa.Uuid), sa.Column(KEY, sa.Uuid))
ONE = uuid4()


@pytest.mark.parametrize(
    ("statement", "scoped"),
    [
        (sa.select(OTHER).where(OTHER.c[KEY] == ONE), True),
        (sa.select(OTHER).where(OTHER.c[KEY].in_([ONE]), OTHER.c.id == ONE), True),
        (sa.update(OTHER).where(OTHER.c[KEY] == ONE).values(id=ONE), True),
        (sa.select(metadata.tables[f"{SCHEMA}.users"]), True),
        (sa.select(OTHER).execution_options(all_organizations=True), True),
        (sa.text("DELETE FROM app.parcels WHERE organization_id = :id"), True),
        (sa.select(OTHER).join(LINE, OTHER.c[KEY] == LINE.c[KEY]).where(LINE.c[KEY] == ONE), True),
        (sa.select(OTHER).join(LINE, OTHER.c[KEY] == LINE.c[KEY]), False),
        (sa.select(OTHER).join(LINE, OTHER.c[KEY] == LINE.c.id), False),
        (sa.select(OTHER), False),
        (sa.select(OTHER.c[KEY]).where(OTHER.c.id == ONE), False),
        (sa.select(sa.func.count()).select_from(OTHER), False),
        (sa.select(sa.exists().where(OTHER.c.id == ONE)), False),
        (sa.delete(OTHER).where(OTHER.c.id == ONE), False),
        (sa.update(OTHER).values({OTHER.c[KEY]: ONE}), False),
        (sa.text("SELECT count(*) FROM app.parcels"), False),
    ],
)
def test_a_query_that_names_no_organization_is_refused(
    statement: sa.Executable, *, scoped: bool
) -> None:
    if scoped:
        scoped_queries.check(statement, [OTHER])
    else:
        with pytest.raises(scoped_queries.UnscopedQueryError, match="parcels"):
            scoped_queries.check(statement, [OTHER])


async def test_queries_of_sessions_and_readers_are_checked(
    session: AsyncSession, two: tuple[Tenant, Tenant], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, _ = two
    monkeypatch.setattr(scoped_queries, "scoped_tables", scoped_tables)
    with (
        scoped_queries.refuse_unscoped(),
        pytest.raises(scoped_queries.UnscopedQueryError),
    ):
        await session.run_sync(
            lambda s: s.execute(sa.select(metadata.tables[f"{SCHEMA}.{MEMBERS}"]))
        )
    with scoped_queries.refuse_unscoped():
        # The list of my organizations asks by user, so this answers 500.
        answer = await a.client.get("/api/v1/organizations", headers=a.people["owner"].headers)
        assert answer.status_code == 500
