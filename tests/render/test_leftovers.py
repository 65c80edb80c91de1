"""A project without an option contains no file, dependency, setting or word of the option.

The traces of an option are the difference between the project with this option only and the minimal
project.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import copier
import pytest
import yaml
from packaging.requirements import Requirement

from scripts.checks import load_checks
from scripts.declaration import Option, load_options
from scripts.options import write
from support.answers import OPTIONS, all_variants, chosen_options, option_variants
from support.commands import run
from support.editing import append, edit
from support.rendering import Render, tree
from support.snapshot import commit

VARIANTS = all_variants()
SETTING = re.compile(r"^#?([A-Z][A-Z0-9_]*)=", re.MULTILINE)


def traces(project: Path) -> set[str]:
    """The files, folders, dependencies, settings, services and processes of a project."""
    files = tree(project)
    pyproject = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    groups = pyproject["dependency-groups"]
    found = {f"file {name}" for name in files}
    found |= {f"folder {path.parent}" for path in map(Path, files)}
    found |= {f"group {name}" for name in groups}
    found |= {f"dependency {Requirement(line).name}" for part in groups.values() for line in part}
    example = (project / ".env.example").read_text("utf-8")
    found |= {f"setting {name}" for name in SETTING.findall(example)}
    compose = yaml.safe_load((project / "compose.yaml").read_text("utf-8"))
    found |= {f"service {name}" for name in compose["services"]}
    found |= {f"volume {name}" for name in compose.get("volumes", {})}
    for line in (project / "Procfile").read_text("utf-8").splitlines():
        found.add(f"process {line.partition(':')[0]}")
    return found


def words(option: Option, own: set[str]) -> set[str]:
    """The words of an option, its settings and the paths of its extensions, in lower case."""
    found = set(option.words)
    found |= {trace.removeprefix("setting ") for trace in own if trace.startswith("setting ")}
    for trace in own:
        if match := re.fullmatch(r"folder (?:app|tests)/extensions/(\w+)", trace):
            found |= {f"extensions/{match[1]}", f"extensions.{match[1]}"}
    return {word.lower() for word in found}


def leftovers(project: Path, absent: set[str], forbidden: set[str]) -> list[str]:
    """Traces and words of options that a project does not have."""
    found = sorted(traces(project) & absent)
    for name, content in tree(project).items():
        if name != ".copier-answers.yml":  # records that the option is off
            text = f"{name}\n{content.decode('utf-8')}".lower()
            # Not inside a longer word: "overflow error" contains "flower".
            hits = (each for each in forbidden if re.search(rf"(?<![a-z]){each}", text))
            found += [f"{name} contains {word!r}" for word in sorted(hits)]
    return found


@pytest.fixture(scope="session")
def owned(render: Render) -> dict[str, set[str]]:
    """The traces of each option."""
    flips = option_variants()
    minimal, everything = (traces(render(preset=name)) for name in ("minimal", "everything"))
    found = {}
    for option in OPTIONS:
        if alone := flips.get(f"only-{option}"):
            found[option] = traces(render(**alone)) - minimal
        else:  # it requires another option
            found[option] = everything - traces(render(**flips[f"without-{option}"]))
    return found


@pytest.mark.parametrize("name", VARIANTS)
def test_project_has_no_leftovers_of_other_options(
    name: str, render: Render, owned: dict[str, set[str]]
) -> None:
    on = chosen_options(VARIANTS[name])
    off = OPTIONS.keys() - on
    absent = traces_of(off, owned) - traces_of(on, owned)
    forbidden = words_of(off, owned) - words_of(on, owned)
    assert leftovers(render(**VARIANTS[name]), absent, forbidden) == []


def traces_of(names: Iterable[str], owned: dict[str, set[str]]) -> set[str]:
    return {trace for name in names for trace in owned[name]}


def words_of(names: Iterable[str], owned: dict[str, set[str]]) -> set[str]:
    return {word for name in names for word in words(OPTIONS[name], owned[name])}


def test_every_option_has_traces_and_words(render: Render, owned: dict[str, set[str]]) -> None:
    """Without them, the test above would look for nothing."""
    whole = "\n".join(
        f"{name}\n{content.decode('utf-8')}"
        for name, content in tree(render(preset="everything")).items()
        if name != ".copier-answers.yml"
    )
    assert owned.keys() == OPTIONS.keys()
    for name, own in owned.items():
        assert own, name
        for word in words(OPTIONS[name], own):
            assert word in whole.lower(), f"{name}: no file contains {word}"


@dataclass(frozen=True)
class Moon:
    """The template with one more option, its minimal project, and the traces of the option."""

    template: Path
    option: Option
    minimal: Path
    own: set[str]


@pytest.fixture(scope="session")
def moon(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Moon:
    """The option `moon`, declared in options.yml, with a file, a setting and a dependency."""
    home = tmp_path_factory.mktemp("moon")
    folder = home / "template"
    run(["git", "clone", "--quiet", str(template), str(folder)], home)
    append(
        folder / "options.yml",
        "\nmoon:\n  help: A moon?\n  preset: everything\n  extensions: [moon]\n",
    )
    files = folder / "template"
    (files / "app/extensions/moon").mkdir()
    (files / "app/extensions/moon/__init__.py").write_text('"""The moon."""\n')
    marker = "# --- Logs"
    setting = "{% if moon %}# Full or new.\n#MOON_PHASE=full\n\n{% endif %}"
    edit(files / ".env.example.jinja", marker, setting + marker)
    marker = "# The dev stack, the tests"
    group = '{% if moon %}moon = ["ephem>=4.0"]\n{% endif %}'
    edit(files / "pyproject.toml.jinja", marker, group + marker)
    write(folder)
    commit(folder, "A moon", "v9999.1.0")
    minimal = render_moon(folder, home / "minimal", moon=False)
    alone = render_moon(folder, home / "alone", moon=True)
    return Moon(folder, load_options(folder)[-1], minimal, traces(alone) - traces(minimal))


def render_moon(template: Path, dest: Path, *, moon: bool) -> Path:
    answers = {"preset": "minimal", "moon": moon}
    copier.run_copy(str(template), dest, data=answers, defaults=True, quiet=True)
    return dest


def test_one_declaration_makes_an_option(moon: Moon) -> None:
    assert moon.own >= {
        "file app/extensions/moon/__init__.py",
        "folder app/extensions/moon",
        "setting MOON_PHASE",
        "group moon",
        "dependency ephem",
    }
    checks = load_checks(moon.template)
    assert "moon" in checks.OPTIONS
    assert "ephem" in checks.PACKAGES
    forbidden = words(moon.option, moon.own)
    assert forbidden == {"moon", "moon_phase", "extensions/moon", "extensions.moon"}
    assert leftovers(moon.minimal, moon.own, forbidden) == []
    assert "| `moon` |" in (moon.template / "docs/options.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("path", "old", "new", "found"),
    [
        (
            "README.md.jinja",
            "## Settings",
            "At full Moon.\n\n## Settings",
            "README.md contains 'moon'",
        ),
        ("Procfile.jinja", "web: ", "moon: sleep 1\nweb: ", "Procfile contains 'moon'"),
        (".env.example.jinja", "# --- Logs", "#MOON_PHASE=new\n# --- Logs", "setting MOON_PHASE"),
        ("pyproject.toml.jinja", '    "alem', '    "ephem>=4",\n    "alem', "dependency ephem"),
        (
            "../copier.yml",
            "/app/extensions/moon",
            "/app/features/mon",
            "folder app/extensions/moon",
        ),
        (
            "app/main.py",
            '"""',
            '"""Of app.extensions.moon: ',
            "app/main.py contains 'extensions.moon'",
        ),
    ],
)
def test_leftover_is_found(
    path: str, old: str, new: str, found: str, moon: Moon, tmp_path: Path
) -> None:
    folder = tmp_path / "template"
    run(["git", "clone", "--quiet", str(moon.template), str(folder)], tmp_path)
    edit(folder / "template" / path, old, new)
    commit(folder, "A trace", "v9999.2.0")
    broken = render_moon(folder, tmp_path / "broken", moon=False)
    assert found in leftovers(broken, moon.own, words(moon.option, moon.own))
