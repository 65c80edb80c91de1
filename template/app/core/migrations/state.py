"""Is the database where the code needs it? Cheap enough for a health check, so without Alembic.

Alembic takes half a second to import. What it would say follows from two sets of names: the
revisions in the files, read once per process, and those in the log.
"""

import re
from functools import cache
from pathlib import Path

from sqlalchemy import Connection

from app.core.migrations.branches import branches
from app.core.migrations.history import entries

_REVISION = re.compile(r"""^revision\s*(?::\s*str\s*)?=\s*["']([^"']+)["']""", re.MULTILINE)


def pending(connection: Connection) -> list[str]:
    """Revisions of the code that the database lacks, core's first; all where there is no log yet.

    The API takes it as `await database.reader.run(pending)`.
    """
    done = {entry.revision for entry in entries(connection)}
    return [r for r in revisions(tuple(branches().values())) if r not in done]


@cache
def revisions(folders: tuple[Path, ...]) -> tuple[str, ...]:
    """Ids of the revisions in these folders, in the order of the file names."""
    files = (file for folder in folders for file in sorted(folder.glob("*.py")))
    return tuple(found[1] for file in files if (found := _REVISION.search(file.read_text("utf-8"))))
