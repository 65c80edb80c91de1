"""Changes of the API that break clients are named, and the others are not."""

import copy
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from devstack import cli
from devstack.api_diff import breaking_changes
from devstack.api_release import UnknownReleaseError, allows_breaking, changes_since
from devstack.errors import DevStackError

Change = Callable[[dict[str, Any]], None]


def document() -> dict[str, Any]:
    """Folders that contain folders, read and written."""
    tree = {"$ref": "#/components/schemas/Folder"}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}}
    answer = {"200": {"content": {"application/json": {"schema": tree}}}}
    cursor = {"name": "cursor", "in": "query", "schema": {"type": "string"}}
    return {
        "paths": {
            "/folders": {
                "get": {"parameters": [cursor], "responses": answer},
                "post": {"requestBody": body, "responses": {"201": answer["200"], "409": {}}},
            },
            "/old": {"get": {"deprecated": True, "responses": {}}},
        },
        "components": {
            "schemas": {
                "Folder": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": {"type": "string"},
                        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                        "folders": {"type": "array", "items": tree},
                    },
                },
                "New": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": {"type": "string", "maxLength": 80},
                        "color": {"enum": ["red", "blue"], "type": "string"},
                        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    },
                },
            }
        },
    }


def changed(change: Change) -> list[str]:
    new = copy.deepcopy(document())
    change(new)
    return breaking_changes(document(), new)


def folder(new: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = new["components"]["schemas"]["Folder"]
    return schema


def posted(new: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = new["components"]["schemas"]["New"]
    return schema


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda new: new["paths"].pop("/folders"), "GET /folders: was removed"),
        (lambda new: new["paths"]["/folders"].pop("post"), "POST /folders: was removed"),
        (lambda new: new["paths"]["/folders"]["get"]["parameters"].clear(), "`cursor` was removed"),
        (
            lambda new: new["paths"]["/folders"]["get"]["parameters"][0].update(required=True),
            "requires the query parameter `cursor`",
        ),
        (lambda new: posted(new)["required"].append("color"), "requires the field `color`"),
        (lambda new: posted(new)["properties"].pop("color"), "request lost the field `color`"),
        (lambda new: posted(new)["properties"]["name"].update(maxLength=8), "maxLength = 8"),
        (lambda new: posted(new)["properties"]["color"].update(enum=["red"]), "by enum"),
        (
            lambda new: posted(new)["properties"].update(note={"type": "string"}),
            "`note` can no longer be null",
        ),
        (lambda new: posted(new).update(additionalProperties=False), "additionalProperties"),
        (
            lambda new: new["paths"]["/folders"]["post"]["requestBody"].update(required=True),
            "requires a body",
        ),
        (lambda new: folder(new)["properties"].pop("name"), "lost the field `name`"),
        (lambda new: folder(new)["required"].clear(), "may lack the field `name`"),
        (
            lambda new: folder(new)["properties"].update(name={"type": ["string", "null"]}),
            "`name` may now be null",
        ),
        (
            lambda new: folder(new)["properties"]["folders"].update(items={"type": "string"}),
            "entry may now be string",
        ),
        (
            lambda new: new["paths"]["/folders"]["post"]["responses"].pop("201"),
            "no longer answers with the status 201",
        ),
    ],
)
def test_a_change_that_breaks_clients_is_named(change: Change, part: str) -> None:
    assert [message for message in changed(change) if part in message]


@pytest.mark.parametrize(
    "change",
    [
        lambda new: new["paths"].pop("/old"),
        lambda new: new["paths"].update({"/new": {"get": {"responses": {}}}}),
        lambda new: new["paths"]["/folders"]["post"]["responses"].pop("409"),
        lambda new: posted(new)["properties"].update(size={"type": "integer"}),
        lambda new: posted(new)["required"].clear(),
        lambda new: posted(new)["properties"]["name"].update(maxLength=800),
        lambda new: posted(new)["properties"]["color"]["enum"].append("green"),
        lambda new: folder(new)["properties"].update(size={"type": "integer"}),
        lambda new: folder(new)["required"].append("folders"),
        lambda new: folder(new)["properties"].update(note={"type": "string"}),
        lambda new: folder(new)["properties"].update(name={"type": "string", "maxLength": 8}),
    ],
)
def test_a_change_that_clients_do_not_notice_is_not_named(change: Change) -> None:
    assert changed(change) == []
    assert breaking_changes(document(), document()) == []


# An API of one file: `python -m app openapi` prints its document. No setting reaches it.
APP = """\
import json, os
assert "FEATURES" not in os.environ
PATHS = {paths}
print(json.dumps({{"paths": {{path: {{"get": {{"responses": {{}}}}}} for path in PATHS}}}}))
"""


def write(project: Path, version: str, *paths: str) -> None:
    (project / "app").mkdir(exist_ok=True)
    (project / "app/__init__.py").touch()
    (project / "app/__main__.py").write_text(APP.format(paths=paths))
    (project / "pyproject.toml").write_text(f'[project]\nname = "x"\nversion = "{version}"\n')


def git(project: Path, *arguments: str) -> None:
    author = ("-c", "user.name=Tester", "-c", "user.email=tester@example.com")
    subprocess.run(["git", *author, *arguments], cwd=project, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the release v1.4.0."""
    monkeypatch.setenv("FEATURES", "users")
    write(tmp_path, "1.4.0", "/a", "/b")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "release")
    git(tmp_path, "tag", "v1.4.0")
    return tmp_path


def test_the_code_is_compared_with_the_last_tag(project: Path) -> None:
    assert changes_since(project, None) == ("v1.4.0", [])
    write(project, "1.5.0", "/b")
    release, (change,) = changes_since(project, None)
    assert (release, change.split(":")[0]) == ("v1.4.0", "GET /a")


@pytest.mark.parametrize(
    ("before", "now", "allowed"),
    [
        ("1.4.0", "1.5.0", False),
        ("1.4.0", "2.0.0", True),
        ("0.1.4", "0.1.5", False),
        ("0.1.4", "0.2.0", True),
        ("0.0.4", "0.0.5", True),
        ("0.9.0", "1.0.0", True),
    ],
)
def test_the_version_announces_changes(
    project: Path, before: str, now: str, *, allowed: bool
) -> None:
    write(project, before, "/a")
    git(project, "commit", "--quiet", "--all", "--allow-empty", "--message", "version")
    git(project, "tag", "compared")
    write(project, now, "/a")
    assert allows_breaking(project, "compared") is allowed


@pytest.mark.parametrize("content", [None, b"[project]\nname = 'x'\n", b"[", b"\xff"])
def test_a_release_or_a_project_without_a_version_says_so(
    project: Path, content: bytes | None
) -> None:
    pyproject = project / "pyproject.toml"
    valid = pyproject.read_bytes()
    if content is None:
        pyproject.unlink()
    else:
        pyproject.write_bytes(content)
    with pytest.raises(DevStackError, match="names no version"):
        allows_breaking(project, "v1.4.0")
    git(project, "commit", "--quiet", "--all", "--message", "no version")
    git(project, "tag", "before")
    pyproject.write_bytes(valid)
    with pytest.raises(UnknownReleaseError, match="version of before is unknown"):
        allows_breaking(project, "before")


def test_the_command_ends_with_2_where_the_version_of_the_release_is_unknown(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "ROOT", project)
    pyproject = project / "pyproject.toml"
    pyproject.unlink()
    git(project, "commit", "--quiet", "--all", "--message", "no version")
    git(project, "tag", "before")
    write(project, "1.5.0", "/b")
    result = CliRunner().invoke(cli.cli, ["api-diff", "before"])
    assert result.exit_code == 2, result.output
    assert "GET /a" in result.output
    assert result.output.endswith("names none.\n")


def test_without_a_release_nothing_is_compared(project: Path) -> None:
    git(project, "tag", "--delete", "v1.4.0")
    with pytest.raises(UnknownReleaseError, match="No release yet"):
        changes_since(project, None)
    with pytest.raises(UnknownReleaseError, match="v9"):
        changes_since(project, "v9")


def test_a_release_that_no_longer_starts_says_so(project: Path) -> None:
    (project / "app/__main__.py").write_text("import package_of_the_past\n")
    git(project, "commit", "--quiet", "--all", "--message", "old")
    git(project, "tag", "old")
    with pytest.raises(UnknownReleaseError, match="package_of_the_past"):
        changes_since(project, "old")
