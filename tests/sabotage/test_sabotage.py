"""Faults that are put into the template, each with the test that has to fail: `-m sabotage`.

docs/sabotage.md lists them.
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.commands import attempt, run
from support.snapshot import ROOT

PAGE = ROOT / "docs/sabotage.md"
VARIANTS = "tests/render/test_variants.py"
BEHAVE = "tests/behave/test_behave.py"
ITEMS = "template/app/features/{% if not organizations %}items{% endif %}"
SCOPED = "template/devstack/scopes/organization/feature"


@dataclass(frozen=True)
class Sabotage:
    """An edit of one file, and the test that fails because of it."""

    path: str
    old: str
    new: str
    caught_by: str
    # A part of the id of the parameters that run.
    variant: str = "minimal"


SABOTAGES = {
    "a condition that is not closed": Sabotage(
        "template/README.md.jinja",
        "{% endif %}\n",
        "",
        f"{VARIANTS}::test_files_are_valid",
    ),
    "a tag that is printed": Sabotage(
        "template/.editorconfig",
        "\n",
        "\n{{ project_name }}\n",
        f"{VARIANTS}::test_files_are_valid",
    ),
    "a secret in a file": Sabotage(
        "template/justfile",
        "# Common",
        "# sb_secret_0123456789abcdef0123\n# Common",
        f"{VARIANTS}::test_files_are_valid",
    ),
    "a file that is not formatted": Sabotage(
        "template/app/worker.py",
        "\n\n",
        "\n\nodd = {  'a':1 }\n",
        f"{VARIANTS}::test_python_is_clean_and_formatted",
    ),
    "a line that differs each time": Sabotage(
        "template/README.md.jinja",
        "## Run it",
        "{{ range(10**9) | random }}\n\n## Run it",
        f"{VARIANTS}::test_second_render_has_the_same_bytes",
    ),
    "an option's import in the core": Sabotage(
        "template/app/worker.py",
        "\n\n",
        "\n\nimport app.extensions.schedules\n",
        "tests/render/test_leftovers.py::test_project_has_no_leftovers_of_other_options",
    ),
    "an option's dependency in the core group": Sabotage(
        "template/pyproject.toml.jinja",
        '    "celery[redis]>=5.7",',
        '    "celery[redis]>=5.7",\n    "celery-redbeat>=2.4.2",',
        "tests/render/test_leftovers.py::test_project_has_no_leftovers_of_other_options",
    ),
    "an option's file that is declared and not written": Sabotage(
        "options.yml",
        "    - /devstack/processes/flower.py\n",
        "    - /devstack/processes/flower.py\n    - /devstack/processes/api.py\n",
        "tests/test_declaration.py::test_written_files_are_current",
        variant="copier",
    ),
    "an answer renamed": Sabotage(
        "copier.yml",
        "\nlicense:",
        "\nlicence:",
        "tests/render/test_matrix.py::test_committed_matrix_is_current",
        variant="",
    ),
    "a dependency that is missing": Sabotage(
        "template/pyproject.toml.jinja",
        '    "cachetools>=7.0",\n',
        "",
        f"{BEHAVE}::test_declared_dependencies_are_the_imported_ones",
    ),
    "a type that is wrong": Sabotage(
        f"{ITEMS}/service.py",
        "\n\n\n",
        '\n\n\nodd: int = "a"\n\n\n',
        f"{BEHAVE}::test_types_are_strict",
    ),
    "a route that fails": Sabotage(
        f"{ITEMS}/routes.py",
        '"""A page of the caller\'s items."""',
        "raise RuntimeError",
        f"{BEHAVE}::test_signed_in_person_is_served",
    ),
    "a task that does nothing": Sabotage(
        f"{ITEMS}/service.py",
        "col(Item.done).is_(False)",
        "col(Item.done).is_(None)",
        f"{BEHAVE}::test_task_goes_through_the_worker",
    ),
    "a column without its migration": Sabotage(
        f"{ITEMS}/models.py",
        "    done: bool",
        "    rank: int = Field(default=0)\n    done: bool",
        f"{BEHAVE}::test_migrations_go_down_and_up_again",
    ),
    "a table without row level security": Sabotage(
        f"{ITEMS}/migrations/items_0001_items.py",
        '    protect("items")\n',
        "",
        f"{BEHAVE}::test_migrations_go_down_and_up_again",
    ),
    "a migration that cannot go back": Sabotage(
        f"{ITEMS}/migrations/items_0001_items.py",
        '    op.drop_table("items", schema=SCHEMA)',
        "    pass",
        f"{BEHAVE}::test_migrations_go_down_and_up_again",
    ),
    "a policy that lets rows be given away": Sabotage(
        f"{SCOPED}/migrations/features_0001_features.py.txt",
        "WITH CHECK ({mine})",
        "WITH CHECK (true)",
        "tests/behave/test_all_options.py::test_a_feature_of_organizations_keeps_them_apart",
        variant="everything",
    ),
    "a query that forgets the organization": Sabotage(
        f"{SCOPED}/service.py.txt",
        "col($Entity.organization_id) == scope.organization_id, col($Entity.id)",
        "col($Entity.id)",
        "tests/behave/test_all_options.py::test_a_feature_of_organizations_keeps_them_apart",
        variant="everything",
    ),
    "a process that outlives its stack": Sabotage(
        "template/devstack/processes/api.py",
        "def process(",
        "import subprocess\n\nsubprocess.Popen(['sleep', '120'], start_new_session=True)\n\n\n"
        "def process(",
        "tests/behave/test_stop.py::test_stop_leaves_no_process",
    ),
    "a user's file that updates overwrite": Sabotage(
        "copier.yml",
        "  - /app/settings.py\n",
        "",
        "tests/update/test_newer_version.py::test_unedited_project_becomes_a_fresh_render",
        variant="",
    ),
    "tables that get lost with an option": Sabotage(
        "template/app/core/migrations/history.py",
        "    _create_tables(connection)\n",
        "    _create_tables(connection)\n    return\n",
        "tests/update/test_options_come_and_go.py::test_options_come_and_go_with_data",
        variant="all",
    ),
}


@pytest.mark.sabotage
@pytest.mark.network
@pytest.mark.parametrize("name", SABOTAGES)
def test_sabotage_is_caught(name: str, tmp_path: Path) -> None:
    sabotage = SABOTAGES[name]
    copy = tmp_path / "template"
    for listed in run(["git", "ls-files", "-z"], ROOT).strip("\0").split("\0"):
        (copy / listed).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / listed, copy / listed)
    run(["git", "init", "--quiet"], copy)
    run(["git", "add", "--all"], copy)
    run(["git", "commit", "--quiet", "--message", "The template"], copy)
    file = copy / sabotage.path
    text = file.read_text("utf-8")
    file.write_text(text.replace(sabotage.old, sabotage.new, 1), "utf-8")
    test = sabotage.caught_by.rpartition("::")[2]
    result = attempt(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0"),
            *("-k", f"{test} and {sabotage.variant}" if sabotage.variant else test),
            *("-m", "not matrix and not sabotage", "--basetemp", str(tmp_path / "inner")),
            sabotage.caught_by.partition("::")[0],
        ],
        copy,
        PYTHONPATH=str(copy),
    )
    assert result.returncode == pytest.ExitCode.TESTS_FAILED, result.stdout + result.stderr
    # A template that cannot be rendered fails in a fixture, which pytest reports as an error.
    failures = [f"{word} {sabotage.caught_by}" for word in ("FAILED", "ERROR")]
    assert any(failure in result.stdout for failure in failures), result.stdout


@pytest.mark.parametrize("name", SABOTAGES)
def test_sabotage_applies_to_its_file(name: str) -> None:
    sabotage = SABOTAGES[name]
    assert sabotage.old in (ROOT / sabotage.path).read_text("utf-8"), (
        "write the edit of this sabotage again"
    )
    file, _, test = sabotage.caught_by.partition("::")
    assert f"def {test}(" in (ROOT / file).read_text("utf-8"), "name another test for this sabotage"


def test_page_lists_every_sabotage() -> None:
    rows = "".join(
        f"| {name} | `{sabotage.path}` | `{sabotage.caught_by.rpartition('::')[2]}` |\n"
        for name, sabotage in SABOTAGES.items()
    )
    assert rows in PAGE.read_text("utf-8"), f"the table should be:\n{rows}"
