"""Row level security and revoked grants after each `create_table`, written into the migration."""

from collections.abc import Sequence

from alembic import op
from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.rewriter import Rewriter
from alembic.operations import MigrateOperation
from alembic.operations.ops import CreateTableOp
from alembic.runtime.migration import MigrationContext

from app.core.migrations.access import secure


def protect(table: str) -> None:
    """In a migration: close a table of ours to the HTTP interfaces. Harmless when repeated."""
    secure(op.get_bind(), table)


class ProtectTable(MigrateOperation):
    """The directive behind a line `protect("orders")` in a generated migration."""

    def __init__(self, table: str) -> None:
        self.table = table

    def to_diff_tuple(self) -> tuple[str, str]:
        """What `check` reports for it."""
        return ("protect_table", self.table)


rewriter = Rewriter()


@rewriter.rewrites(CreateTableOp)
def _protect_created(
    _context: MigrationContext, _revision: object, directive: CreateTableOp
) -> Sequence[MigrateOperation]:
    return [directive, ProtectTable(directive.table_name)]


@renderers.dispatch_for(ProtectTable)
def _render(context: AutogenContext, directive: ProtectTable) -> str:
    context.imports.add("from app.core.migrations.protect import protect")
    return f'protect("{directive.table}")'
