"""How Alembic writes tables and types into a generated migration."""

from typing import Literal

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import _repr_type
from alembic.operations.ops import CreateTableOp
from sqlalchemy.types import TypeDecorator, TypeEngine

_render_create_table = renderers.dispatch(CreateTableOp)


@renderers.dispatch_for(CreateTableOp, replace=True)
def _render_protected_table(context: AutogenContext, operation: CreateTableOp) -> list[str]:
    context.imports.add("from app.core.migrations.protect import protect")
    return [_render_create_table(context, operation), f'protect("{operation.table_name}")']


def render_item(kind: str, item: object, context: AutogenContext) -> str | Literal[False]:
    """Write decorated types as the type of the database, and import the module of other types.

    A decorator converts values in Python, which a migration does not need, and its arguments need
    not be those of the type that it decorates.
    """
    if kind != "type" or not isinstance(item, TypeEngine):
        return False
    if isinstance(item, TypeDecorator) and context.dialect is not None:
        return _repr_type(item.load_dialect_impl(context.dialect), context)
    module = type(item).__module__
    if not module.startswith("sqlalchemy."):
        context.imports.add(f"import {module}")
    return False
