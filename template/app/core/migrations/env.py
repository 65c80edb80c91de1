"""Alembic runs this file for every command that uses the database, stock or `app db`.

`config.attributes` may contain `url` (another database than that of the settings) and `branch`
(compare only the tables of this branch).
"""

import logging
from collections.abc import Collection

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script.revision import RevisionError
from alembic.util import CommandError

from app.core.database.models import SCHEMA, metadata
from app.core.migrations import history
from app.core.migrations.access import close_functions
from app.core.migrations.autogenerate import render_item
from app.core.migrations.connections import exclusive_connection
from app.core.migrations.scope import Scope

BRANCHES = (
    "Each feature has a branch of its own. Use `uv run app db upgrade`, "
    "`uv run app db downgrade --feature NAME` or "
    '`uv run app db migrate --feature NAME -m "…"`.'
)


def record_step(
    ctx: MigrationContext,  # noqa: ARG001  Alembic passes all four by name
    step: MigrationInfo,
    heads: Collection[str],
    run_args: object,  # noqa: ARG001
) -> None:
    """Update the history and close new functions, in the transaction of the step."""
    close_functions(context.get_bind())
    ran = step.up_revision_id if step.is_upgrade and step.is_migration else None
    history.record(context.get_bind(), context.script, heads, ran=ran)


def migrate() -> None:
    """Restore the version rows for the scripts that exist, then run the requested command."""
    attributes = context.config.attributes
    with exclusive_connection(attributes.get("url")) as connection:
        history.restore(connection, context.script)
        scope = Scope(connection, attributes.get("branch"))
        connection.commit()

        context.configure(
            connection=connection,
            target_metadata=metadata,
            version_table=history.VERSION_TABLE.name,
            version_table_schema=SCHEMA,
            include_schemas=True,
            include_name=scope.include_name,
            include_object=scope.include_object,
            render_item=render_item,
            on_version_apply=record_step,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            try:
                context.run_migrations()
            except CommandError as error:
                # Such as "Multiple head revisions are present".
                is_stock = context.config.config_file_name
                if is_stock and isinstance(error.__cause__, RevisionError):
                    raise CommandError(f"{error} {BRANCHES}") from error
                raise
        # `stamp --purge base` deletes the rows without a step.
        heads = context.get_context().get_current_heads()
        history.record(connection, context.script, heads, ran=None)
        connection.commit()


if context.is_offline_mode():
    raise CommandError("--sql is not supported: only the database knows what is applied.")

# `alembic revision` would fail only after it has run this file.
if getattr(context.config.cmd_opts, "head", "") in (None, "head"):
    raise CommandError(f"There are several heads. {BRANCHES}")

if context.config.config_file_name:  # the stock command; `app db` prints the steps itself
    logging.basicConfig(format="%(message)s")
    logging.getLogger("alembic.runtime.migration").setLevel(logging.INFO)

migrate()
