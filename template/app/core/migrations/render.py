"""How a generated migration is written: used by env.py and by the template of the files."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import _repr_type
from alembic.script import write_hooks
from sqlalchemy.types import TypeDecorator, TypeEngine

from app.core.database.models import SCHEMA

# What a migration may use, and what it then imports.
_IMPORTS = {
    "sa.": "import sqlalchemy as sa",
    "SCHEMA": "from app.core.database.models import SCHEMA",
}


def render_item(kind: str, item: object, context: AutogenContext) -> str | Literal[False]:
    """Write types so that the file can be run: decorated ones bare, with imports for the others.

    What a decorator does happens in Python and is nothing to a migration; its arguments are those
    of the bare type only by chance.
    """
    if kind != "type" or not isinstance(item, TypeEngine):
        return False
    if isinstance(item, TypeDecorator) and context.dialect is not None:
        return _repr_type(item.load_dialect_impl(context.dialect), context)
    module = type(item).__module__
    if not module.startswith("sqlalchemy."):
        context.imports.add(f"import {module}")
    return False


def body(code: str) -> str:
    """Statements of a migration, without Alembic's marks and with the schema as a constant.

    Its name may differ between deployments (`DB_SCHEMA`), and the file must fit all of them.
    """
    code = re.sub(r"[ \t]*# ### .* ###\n?", "", code).strip()
    code = re.sub(rf"""\bschema=(['"]){SCHEMA}\1""", "schema=SCHEMA", code)
    code = re.sub(rf"""(['"]){SCHEMA}\.(\w+\.\w+)\1""", r'f"{SCHEMA}.\2"', code)
    return code or "pass"


def imports(code: str, extra: str | None) -> str:
    """Import lines for what the code uses, besides `op`."""
    needed = {line for use, line in _IMPORTS.items() if re.search(rf"\b{re.escape(use)}", code)}
    return "\n".join(sorted(needed.union((extra or "").splitlines())))


def docstring(message: str) -> str:
    """Return the message as a sentence on one line, safe between triple quotes."""
    line = " ".join(message.split()).replace("\\", "\\\\").replace('"', "'")
    return line if line.endswith((".", "?", "!")) else f"{line}."


def tidy(*files: str | Path, check: bool = False) -> None:
    """Sort imports and format, where ruff is: it is no dependency of the image.

    Raises:
        subprocess.CalledProcessError: ruff fails and `check` is true.
    """
    if importlib.util.find_spec("ruff") is None:
        return
    for arguments in (["check", "--select", "I", "--fix"], ["format"]):
        command = [sys.executable, "-m", "ruff", *arguments, "--quiet", *map(str, files)]
        subprocess.run(command, check=check)  # noqa: S603  all of it is ours


@write_hooks.register("tidy")
def _hook(filename: str, _options: dict[str, Any]) -> None:
    """For the stock command, by alembic.ini."""
    tidy(filename)
