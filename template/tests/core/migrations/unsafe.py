"""Finds changes of tables that block or break a backend that runs, with the rules of squawk."""

import json
import logging
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from alembic.runtime.migration import RevisionStep
from sqlalchemy import Engine, event

from app.core.migrations.commands import scripts

# https://squawkhq.com/docs/rules: those that block a large table, or break the code of the last
# release, which still runs while the migration is applied.
RULES = {
    "adding-field-with-default",
    "adding-foreign-key-constraint",
    "adding-not-nullable-field",
    "adding-required-field",
    "adding-serial-primary-key-field",
    "ban-drop-column",
    "ban-drop-not-null",
    "ban-drop-table",
    "changing-column-type",
    "constraint-missing-not-valid",
    "disallowed-unique-constraint",
    "renaming-column",
    "renaming-table",
    "require-concurrent-index-creation",
    "require-concurrent-index-deletion",
}
# In a migration: `# accepted: ban-drop-column, no release reads it any more`.
ACCEPTED = re.compile(r"# accepted: ([a-z-]+), ")
CHANGES = re.compile(r"\s*(ALTER|CREATE|DROP)\s", re.IGNORECASE)


class Finding(NamedTuple):
    """A statement of a migration that is not safe."""

    revision: str
    rule: str
    file: Path
    advice: str
    statement: str

    def __str__(self) -> str:
        return f"{self.file.name}: {self.rule}\n  {self.statement}\n  {self.advice}"


@contextmanager
def recorded() -> Iterator[dict[str, list[str]]]:
    """Collect the changes of tables that each revision executes, by revision."""
    found: dict[str, list[str]] = defaultdict(list)
    steps: list[RevisionStep] = []

    def note_statement(_1: Any, _2: Any, statement: str, *_3: Any) -> None:
        if steps and CHANGES.match(statement):
            found[steps[-1].revision.revision].append(statement.strip())

    class Steps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            steps.extend(arg for arg in record.args or () if isinstance(arg, RevisionStep))

    logger, handler = logging.getLogger("alembic.runtime.migration"), Steps()
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    event.listen(Engine, "before_cursor_execute", note_statement)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note_statement)
        logger.removeHandler(handler)
        logger.setLevel(level)


def unsafe(statements: dict[str, list[str]], folder: Path) -> list[Finding]:
    """Return the findings that no migration accepts; `folder` is for files of squawk."""
    for revision, changes in statements.items():
        (folder / f"{revision}.sql").write_text(";\n".join(changes) + ";\n")
    options = ("--assume-in-transaction", "--reporter=json")
    squawk = str(Path(sys.executable).with_name("squawk"))
    files = map(str, folder.glob("*.sql"))
    run = subprocess.run([squawk, *options, *files], capture_output=True, check=False)
    directory = scripts()
    findings = []
    for each in json.loads(run.stdout):
        text = Path(each["file"]).read_text()
        revision = Path(each["file"]).stem
        if each["rule_name"] == "syntax-error":
            raise ValueError(f"squawk cannot read {revision}: {each['message']}")
        file = Path(directory.get_revision(revision).path)
        accepted = set(ACCEPTED.findall(file.read_text(encoding="utf-8")))
        if each["rule_name"] in RULES - accepted:
            advice = f"{each['message']} {each['help'] or ''}".strip()
            statement = text.splitlines()[each["line"]]
            findings.append(Finding(revision, each["rule_name"], file, advice, statement))
    return findings
