"""Alembic runs this file for every command that uses the database, stock or `app db`.

`config.attributes` may contain `url` (another database than that of the settings) and `branch`
(compare only the tables of this branch).
"""

import logging
from collections.abc import Collection

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.util import CommandError

from app.core.database.models import SCHEMA, metadata
from app.core.migrations import history
from app.core.migrations.access import close_functions
from app.core.migrations.autogenerate import render_item
from app.core.migrations.connections import exclusive_connection
from app.core.migrations.scope import Scope


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
            context.run_migrations()
        # `stamp --purge base` deletes the rows without a step.
        heads = context.get_context().get_current_heads()
        history.record(connection, context.script, heads, ran=None)
        connection.commit()


if context.is_offline_mode():
    raise CommandError("--sql is not supported: only the database knows what is applied.")

if context.config.config_file_name:  # the stock command; `app db` prints the steps itself
    logging.basicConfig(format="%(message)s")
    logging.getLogger("alembic.runtime.migration").setLevel(logging.INFO)

migrate()
