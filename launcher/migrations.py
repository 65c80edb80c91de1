"""What a migration does to tables that exist, read from its code and not by running it."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

# https://www.postgresql.org/docs/current/explicit-locking.html and the notes of ALTER TABLE.
_SHORT = "ACCESS EXCLUSIVE, briefly: reads and writes wait until it is granted"
_LONG = "ACCESS EXCLUSIVE while the table is {}: reads and writes wait"
_WRITES = "SHARE while the index is built: writes wait"
_FOREIGN_KEY = "SHARE ROW EXCLUSIVE on both tables{}: writes wait"
_LOCKS = {
    "drop_column": _SHORT,
    "drop_constraint": _SHORT,
    "drop_index": _SHORT,
    "drop_table": _SHORT,
    "rename_table": _SHORT,
    "create_unique_constraint": _LONG.format("indexed"),
    "create_exclude_constraint": _LONG.format("indexed"),
    "create_primary_key": _LONG.format("indexed"),
}
# The argument that holds the table, for operations in which it is not the first one.
_TABLE_SECOND = {"create_index", "drop_index", "drop_constraint", "create_check_constraint"} | {
    "create_unique_constraint",
    "create_primary_key",
    "create_exclude_constraint",
    "create_foreign_key",
}


@dataclass(frozen=True)
class Migration:
    """A migration that an update adds: its feature, its first line, and the locks it takes."""

    path: str
    feature: str
    title: str
    locks: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)


def is_migration(path: str) -> bool:
    """Whether a file of a project is a migration of Alembic."""
    parts = PurePosixPath(path).parts
    return (
        path.endswith(".py")
        and parts[0] == "app"
        and "migrations" in parts
        and parts[-1] != "__init__.py"
        and ("core" not in parts or "versions" in parts)
    )


def read_migrations(files: Iterable[tuple[str, str]]) -> list[Migration]:
    """Describe migrations, given as path and code; a table that one of them creates has no rows."""
    trees = [(path, code, ast.parse(code)) for path, code in sorted(files)]
    new = {
        table
        for _, _, tree in trees
        for name, call in _operations(tree)
        if name == "create_table" and (table := _text(call, 0))
    }
    return [_read(path, code, tree, new) for path, code, tree in trees]


def _read(path: str, code: str, tree: ast.Module, new: set[str]) -> Migration:
    parts = PurePosixPath(path).parts
    title = (ast.get_docstring(tree) or parts[-1]).partition("\n")[0]
    locks = dict.fromkeys(
        lock for name, call in _operations(tree) for lock in _lock(name, call, new)
    )
    accepted = [
        line.strip().removeprefix("# accepted: ")
        for line in code.splitlines()
        if line.strip().startswith("# accepted: ")
    ]
    return Migration(path, parts[parts.index("migrations") - 1], title, list(locks), accepted)


def _operations(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """The calls `op.NAME(…)` of `upgrade`, and of the functions of the file that it calls."""
    functions = {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}
    reached = ["upgrade"] if "upgrade" in functions else []
    for name in reached:  # grows while it is read
        for node in ast.walk(functions[name]):
            if not isinstance(node, ast.Call):
                continue
            if isinstance(node.func, ast.Name):
                if node.func.id in functions and node.func.id not in reached:
                    reached.append(node.func.id)
            elif (
                isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "op"
            ):
                yield node.func.attr, node


def _lock(name: str, call: ast.Call, new: set[str]) -> Iterator[str]:
    if name == "execute":
        yield "runs SQL of its own: read it"
        return
    table = _text(call, 1 if name in _TABLE_SECOND else 0) or _keyword_text(call, "table_name")
    if name == "create_table":
        yield from (
            f"{other}: {_FOREIGN_KEY.format(', briefly')}" for other in _referenced(call) - new
        )
    elif table in new:
        return
    elif name == "create_foreign_key":
        scan = "" if _is_true(call, "postgresql_not_valid") else " while the rows are checked"
        yield f"{table}: {_FOREIGN_KEY.format(scan)}"
    elif name == "create_index":
        if not _is_true(call, "postgresql_concurrently"):
            yield f"{table}: {_WRITES}"
    elif name == "create_check_constraint":
        short = _is_true(call, "postgresql_not_valid")
        yield f"{table}: {_SHORT if short else _LONG.format('checked')}"
    elif name == "alter_column":
        yield f"{table}: {_altered(call)}"
    elif name == "add_column":
        yield f"{table}: {_SHORT}"
    elif name in _LOCKS:
        yield f"{table or 'a table'}: {_LOCKS[name]}"


def _altered(call: ast.Call) -> str:
    names = {keyword.arg for keyword in call.keywords}
    if "type_" in names:
        return _LONG.format("rewritten")
    if any(k.arg == "nullable" and getattr(k.value, "value", None) is False for k in call.keywords):
        return _LONG.format("checked")
    return _SHORT


def _referenced(call: ast.Call) -> set[str]:
    """The tables to which the foreign keys of a `create_table` lead."""
    found = set()
    for node in ast.walk(call):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in (
            "ForeignKeyConstraint",
            "ForeignKey",
        ):
            for text in ast.walk(node):
                # `{SCHEMA}.users.id`, as a text or as the end of an f-string.
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    parts = text.value.strip(".").split(".")
                    if len(parts) >= 2:
                        found.add(parts[-2])
    return found


def _text(call: ast.Call, position: int) -> str | None:
    if len(call.args) > position:
        argument = call.args[position]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            return argument.value
    return None


def _keyword_text(call: ast.Call, name: str) -> str | None:
    for keyword in call.keywords:
        if keyword.arg == name and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    return None


def _is_true(call: ast.Call, name: str) -> bool:
    return any(k.arg == name and getattr(k.value, "value", None) is True for k in call.keywords)
