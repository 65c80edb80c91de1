"""No migration may block or break the backend that runs while it is applied."""

from pathlib import Path

from app.core.migrations import commands
from tests.core.migrations.unsafe import recorded, unsafe
from tests.core.migrations.workshop import Workshop

TABLE = 'op.create_table("parcels", sa.Column("id", sa.Integer()), schema=SCHEMA)'
INDEX = 'op.create_index("parcels_id", "parcels", ["id"], schema=SCHEMA)'
CONCURRENTLY = """
with op.get_context().autocommit_block():
    op.create_index(
        "parcels_2", "parcels", ["id"], schema=SCHEMA, postgresql_concurrently=True
    )
""".strip()
# Changes, and the rule that each of them breaks.
CHANGES = {
    f'{TABLE}\nprotect("parcels")\n{INDEX}': None,  # the table is new
    CONCURRENTLY: None,
    'op.add_column("parcels", sa.Column("a", sa.Text()), schema=SCHEMA)': None,
    'op.add_column("parcels", sa.Column("b", sa.Text(), nullable=False), schema=SCHEMA)': (
        "adding-required-field"
    ),
    'op.create_index("parcels_3", "parcels", ["id"], schema=SCHEMA)': (
        "require-concurrent-index-creation"
    ),
    'op.alter_column("parcels", "a", new_column_name="c", schema=SCHEMA)': "renaming-column",
    'op.alter_column("parcels", "c", type_=sa.String(9), schema=SCHEMA)': "changing-column-type",
    'op.drop_column("parcels", "c", schema=SCHEMA)': "ban-drop-column",
}


def test_the_migrations_of_this_project_are_safe(workshop: Workshop, tmp_path: Path) -> None:
    """Otherwise, follow the advice, or accept a rule with a reason; see docs/database.md."""
    with recorded() as statements:
        commands.upgrade()
    assert {"core_0001", "items_0001"} <= statements.keys()
    findings = unsafe(statements, tmp_path)
    assert not findings, "\n".join(map(str, findings))


def test_unsafe_changes_are_found(workshop: Workshop, tmp_path: Path) -> None:
    workshop.feature("parcels")
    revisions = [f"parcels_{number:04}" for number in range(len(CHANGES))]
    before: str | None = None
    for revision, change in zip(revisions, CHANGES, strict=True):
        workshop.migration("parcels", revision, after=before, up=change, down="pass")
        before = revision
    with recorded() as statements:
        commands.upgrade()

    def found() -> dict[str, str]:
        return {each.revision: each.rule for each in unsafe(statements, tmp_path)}

    expected = {key: rule for key, rule in zip(revisions, CHANGES.values(), strict=True) if rule}
    assert found() == expected
    accepted = f"# accepted: ban-drop-column, no release reads it\n{change}"
    workshop.migration("parcels", revision, after=revisions[-2], up=accepted, down="pass")
    del expected[revision]
    assert found() == expected
