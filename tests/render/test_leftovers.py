"""An option that is not chosen leaves nothing behind: no file, dependency, setting or word.

What belongs to an option is found by rendering it alone: whatever is not in the minimal project.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import copier
import pytest
import yaml
from packaging.requirements import Requirement

from support.answers import CHECKS, all_variants, chosen_options, option_names, option_variants
from support.commands import run
from support.editing import edit
from support.rendering import Render, tree
from support.snapshot import commit

VARIANTS = all_variants()
OPTIONS = option_names()
SETTING = re.compile(r"^#?([A-Z][A-Z0-9_]*)=", re.MULTILINE)


def traces(project: Path) -> set[str]:
    """Files, features, dependencies, settings and services of a project, each with its kind."""
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


def words(option: str, own: set[str]) -> set[str]:
    """What only this option says, in lower case: its words, its settings, its features' paths."""
    found = set(CHECKS.WORDS.get(option, [option]))
    found |= {trace.removeprefix("setting ") for trace in own if trace.startswith("setting ")}
    for trace in own:
        if match := re.fullmatch(r"folder (?:app|tests)/extensions/(\w+)", trace):
            found |= {f"extensions/{match[1]}", f"extensions.{match[1]}"}
    return {word.lower() for word in found}


def left_behind(project: Path, gone: set[str], said: set[str]) -> list[str]:
    """Where a project still has traces, or says words, of options that it does not have."""
    found = sorted(traces(project) & gone)
    for name, content in tree(project).items():
        if name != ".copier-answers.yml":  # it records that the option is off
            text = f"{name}\n{content.decode('utf-8')}".lower()
            # Not the end of a longer word: "overflow error" is no flower.
            hits = (word for word in said if word in text and re.search(rf"(?<![a-z]){word}", text))
            found += [f"{name} says {word!r}" for word in sorted(hits)]
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
        else:  # it needs another: what goes with it alone is its own
            found[option] = everything - traces(render(**flips[f"without-{option}"]))
    return found


@pytest.mark.parametrize("name", VARIANTS)
def test_nothing_is_left_of_what_is_not_chosen(
    name: str, render: Render, owned: dict[str, set[str]]
) -> None:
    on = chosen_options(VARIANTS[name])
    kept = {trace for option in on for trace in owned[option]}
    kept_words = {word for option in on for word in words(option, owned[option])}
    gone = {trace for option in OPTIONS if option not in on for trace in owned[option]} - kept
    said = {word for option in OPTIONS if option not in on for word in words(option, owned[option])}
    assert left_behind(render(**VARIANTS[name]), gone, said - kept_words) == []


def test_every_option_brings_something(render: Render, owned: dict[str, set[str]]) -> None:
    """Else nothing would be looked for, and the option were none."""
    whole = "\n".join(
        f"{name}\n{content.decode('utf-8')}"
        for name, content in tree(render(preset="everything")).items()
        if name != ".copier-answers.yml"
    )
    assert list(owned) == OPTIONS
    assert set(CHECKS.WORDS) <= set(OPTIONS)
    for option, own in owned.items():
        assert own, option
        for word in words(option, own):
            assert word in whole.lower(), f"{option}: {word} stands nowhere"


@dataclass(frozen=True)
class Moon:
    """The template with one option more, its minimal project, and what the option brings."""

    template: Path
    minimal: Path
    own: set[str]


@pytest.fixture(scope="session")
def moon(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Moon:
    """The option `moon`, with a file, a setting and a dependency."""
    home = tmp_path_factory.mktemp("moon")
    folder = home / "template"
    run(["git", "clone", "--quiet", str(template), str(folder)], home)
    marker = "  # Code owners are named"
    block = '  - "{% if not moon %}\n\n    /app/extensions/moon\n\n    {% endif %}"\n'
    edit(folder / "copier.yml", marker, block + marker)
    with (folder / "copier.yml").open("a") as file:
        file.write("\nmoon:\n  type: bool\n  help: A moon?\n  default: false\n")
    edit(folder / "checks.jinja", "set OPTIONS = [", "set OPTIONS = ['moon', ")
    files = folder / "template"
    (files / "app/extensions/moon").mkdir()
    (files / "app/extensions/moon/__init__.py").write_text('"""The moon."""\n')
    marker = "# --- Logs"
    setting = "{% if moon %}# Full or new.\n#MOON_PHASE=full\n\n{% endif %}"
    edit(files / ".env.example.jinja", marker, setting + marker)
    marker = "# The dev stack, the tests"
    group = '{% if moon %}moon = ["ephem>=4.0"]\n{% endif %}'
    edit(files / "pyproject.toml.jinja", marker, group + marker)
    commit(folder, "A moon", "v9999.1.0")
    minimal = moonlit(folder, home / "minimal", moon=False)
    alone = moonlit(folder, home / "alone", moon=True)
    return Moon(folder, minimal, traces(alone) - traces(minimal))


def moonlit(template: Path, dest: Path, *, moon: bool) -> Path:
    answers = {"preset": "minimal", "moon": moon}
    copier.run_copy(str(template), dest, data=answers, defaults=True, quiet=True)
    return dest


def test_traces_of_an_option_are_what_it_brings(moon: Moon) -> None:
    assert moon.own >= {
        "file app/extensions/moon/__init__.py",
        "folder app/extensions/moon",
        "setting MOON_PHASE",
        "group moon",
        "dependency ephem",
    }
    said = words("moon", moon.own)
    assert said == {"moon", "moon_phase", "extensions/moon", "extensions.moon"}
    assert left_behind(moon.minimal, moon.own, said) == []


@pytest.mark.parametrize(
    ("path", "old", "new", "found"),
    [
        ("README.md.jinja", "## Settings", "At full Moon.\n\n## Settings", "README.md says 'moon'"),
        ("Procfile.jinja", "web: ", "moon: sleep 1\nweb: ", "Procfile says 'moon'"),
        (".env.example.jinja", "# --- Logs", "#MOON_PHASE=new\n# --- Logs", "setting MOON_PHASE"),
        ("pyproject.toml.jinja", '    "alem', '    "ephem>=4",\n    "alem', "dependency ephem"),
        (
            "../copier.yml",
            "/app/extensions/moon",
            "/app/features/mon",
            "folder app/extensions/moon",
        ),
        ("app/main.py", '"""', '"""Of app.extensions.moon: ', "app/main.py says 'extensions.moon'"),
    ],
)
def test_trace_is_noticed(
    path: str, old: str, new: str, found: str, moon: Moon, tmp_path: Path
) -> None:
    folder = tmp_path / "template"
    run(["git", "clone", "--quiet", str(moon.template), str(folder)], tmp_path)
    edit(folder / "template" / path, old, new)
    commit(folder, "A trace", "v9999.2.0")
    broken = moonlit(folder, tmp_path / "broken", moon=False)
    assert found in left_behind(broken, moon.own, words("moon", moon.own))
