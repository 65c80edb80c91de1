"""Run by Alembic for every command that touches the database, stock or `app db`.

`config.attributes` may hold `url` (another database than the settings') and `branch` (compare the
tables of this branch alone).
"""

import logging
from collections.abc import Collection

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.util import CommandError
from sqlalchemy import NullPool, text

from app.core.database import migration_url, sync_engine
from app.core.database.models import SCHEMA, metadata
from app.core.features import load_models
from app.core.migrations import history
from app.core.migrations.access import close_functions
from app.core.migrations.branches import branches
from app.core.migrations.lock import exclusive
from app.core.migrations.protect import rewriter
from app.core.migrations.render import render_item
from app.core.migrations.scope import Scope
from app.core.settings import get_settings


def keep_log(
    ctx: MigrationContext,  # noqa: ARG001  Alembic passes all four by name
    step: MigrationInfo,
    heads: Collection[str],
    run_args: object,  # noqa: ARG001
) -> None:
    """Write the log after each step and close what it has made, in its transaction."""
    close_functions(context.get_bind())
    ran = step.up_revision_id if step.is_upgrade and step.is_migration else None
    history.record(context.get_bind(), context.script, set(heads), ran=ran)


def migrate() -> None:
    """Bring the version rows in line with the scripts that are there, then do what was asked."""
    attributes = context.config.attributes
    settings = get_settings()
    url = attributes.get("url") or migration_url(settings)
    engine = sync_engine(url, settings, poolclass=NullPool)
    load_models()
    context.script.version_locations = [str(path) for path in branches().values()]
    with exclusive(engine), engine.connect() as connection:
        # A migration that waits for a lock makes every later query on the table wait behind it.
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.execute(text("SET statement_timeout = 0"))
        history.prepare(connection)
        history.reconcile(connection, context.script)
        scope = Scope(connection, attributes.get("branch"))
        connection.commit()

        context.configure(
            connection=connection,
            target_metadata=metadata,
            version_table=history.VERSIONS.name,
            version_table_schema=SCHEMA,
            include_schemas=True,
            include_name=scope.include_name,
            include_object=scope.include_object,
            process_revision_directives=rewriter,
            render_item=render_item,
            on_version_apply=keep_log,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        # `stamp --purge base` empties the table without a step.
        heads = set(context.get_context().get_current_heads())
        history.record(connection, context.script, heads, ran=None)
        connection.commit()


if context.is_offline_mode():
    raise CommandError("There is no --sql here: what is applied is known by the database alone.")

if context.config.config_file_name:  # the stock command; ours shows its steps itself
    logging.basicConfig(format="%(message)s")
    logging.getLogger("alembic.runtime.migration").setLevel(logging.INFO)

migrate()
