"""Which migrations the database lacks. It is cheap enough for a health check, without Alembic.

Importing Alembic takes half a second. The same answer follows from two sets of ids: those in the
files, which are read once per process, and those in the history.
"""

import re
from functools import cache
from pathlib import Path

from sqlalchemy import Connection

from app.core.migrations.branches import branches
from app.core.migrations.history import entries

_REVISION = re.compile(r"""^revision\s*(?::\s*str\s*)?=\s*["']([^"']+)["']""", re.MULTILINE)


def pending(connection: Connection) -> list[str]:
    """Return the revisions of the code that are not applied, core's first.

    The API calls it as `await database.reader.run(pending)`.
    """
    applied = {entry.revision for entry in entries(connection)}
    return [r for r in revisions(tuple(branches().values())) if r not in applied]


@cache
def revisions(folders: tuple[Path, ...]) -> tuple[str, ...]:
    """Return the ids of the revisions in these folders, in the order of the file names."""
    files = (file for folder in folders for file in sorted(folder.glob("*.py")))
    return tuple(found[1] for file in files if (found := _REVISION.search(file.read_text("utf-8"))))
