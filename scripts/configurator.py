"""The page docs/configurator.html, which builds the command for a project.

It holds the questions of copier.yml, and what each option brings: files, lines, packages and tests.
The seconds of the tests come from a JUnit report of pytest in a project with every option:

    uv run pytest tests --junitxml=report.xml          in the project
    uv run python -m scripts.configurator report.xml   here
"""

import json
import re
import sys
import tomllib
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from scripts.checks import jinja_environment
from scripts.declaration import Option, conflicts

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "scripts" / "configurator.html"
SECONDS = ROOT / "scripts" / "test_seconds.json"
_TEST = re.compile(r"^\s*(?:async )?def test_", re.MULTILINE)
_CONDITION = re.compile(r"\{%.*?%\}|\.jinja$")
_TEXTS = ("project_slug", "description", "license", "author_name", "author_email", "deploy")
_FROM_ELSEWHERE = {
    "project_name": "from the name of the folder",
    "project_slug": "from the name",
    "description": "a sentence with the name",
}


def configurator(folder: Path, config: dict[str, Any], options: list[Option]) -> str:
    """The page, from the content of copier.yml and the options."""
    data = {
        "questions": [
            _question(name, question)
            for name, question in config.items()
            if not name.startswith("_")
            and question.get("when") is not False
            and question["type"] != "bool"
        ],
        "options": [_option(folder, option, options) for option in options],
        "pairs": list(_pairs(folder, options)),
        "conflicts": [
            {"answers": dict(each.answers), "message": each.message} for each in conflicts(options)
        ],
    }
    # One line for each entry, so that a change of one option changes one line.
    lists = (
        f"{json.dumps(name)}: [\n"
        + ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
        + "\n]"
        for name, entries in data.items()
    )
    # `</` in a text would end the script.
    text = "{\n" + ",\n".join(lists).replace("</", "<\\/") + "\n}"
    head = (
        "<!-- Written by `uv run python -m scripts.options` from scripts/configurator.html. -->\n"
    )
    page = (folder / "scripts" / PAGE.name).read_text("utf-8")
    return page.replace("<html", f"{head}<html", 1).replace("/* DATA */", text, 1)


def _question(name: str, question: dict[str, Any]) -> dict[str, Any]:
    choices = question.get("choices") or []
    pairs = choices.items() if isinstance(choices, dict) else ((value, value) for value in choices)
    return {
        "name": name,
        "help": question["help"],
        "choices": [[text, value] for text, value in pairs],
        "multiple": bool(question.get("multiselect")),
        "default": question["default"] if choices and not question.get("multiselect") else "",
        "default_text": _FROM_ELSEWHERE.get(name, ""),
    }


def _option(folder: Path, option: Option, options: list[Option]) -> dict[str, Any]:
    without = packages(folder, options, set())
    # Files of two options stand in the folder of one of them.
    shared = [p for each in options for paths in each.together_with.values() for p in paths]
    return {
        "name": option.name,
        "help": option.help,
        "preset": option.preset,
        "packages": sorted(packages(folder, options, {option.name}) - without),
        **_costs(folder, option.paths, option.extensions, without=shared),
    }


def _pairs(folder: Path, options: list[Option]) -> Iterator[dict[str, Any]]:
    for option in options:
        for other, paths in option.together_with.items():
            yield {"options": [option.name, other], **_costs(folder, paths, [])}


def _costs(
    folder: Path, paths: list[str], extensions: list[str], without: list[str] | None = None
) -> dict[str, Any]:
    """The files, their lines and tests, and the seconds of the tests of extensions, if measured."""
    seconds = json.loads((folder / "scripts" / SECONDS.name).read_text("utf-8"))
    others = {file for path in without or [] for file in _files(folder, path)}
    root = folder / "template"
    # Of the two samples, a project has one.
    found = {
        _CONDITION.sub("", file.relative_to(root).as_posix()): file
        for path in paths
        for file in _files(folder, path)
        if file not in others
    }
    texts = {name: file.read_text("utf-8", "ignore") for name, file in found.items()}
    measured = [seconds[name] for name in extensions if name in seconds]
    return {
        "files": sorted(found),
        "lines": sum(text.count("\n") for text in texts.values()),
        "tests": sum(
            len(_TEST.findall(text))
            for name, text in texts.items()
            if "/test_" in name and name.endswith(".py")
        ),
        "seconds": round(sum(measured)) if measured else None,
    }


def _files(folder: Path, path: str) -> Iterator[Path]:
    """The files of a path of options.yml, without what a run in place leaves behind."""
    pattern = path.strip("/").replace("features/items", "features/*items*")
    for end in ("", ".jinja"):
        for found in (folder / "template").glob(pattern + end):
            for file in found.rglob("*") if found.is_dir() else [found]:
                if file.is_file() and "__pycache__" not in file.parts:
                    yield file


def packages(folder: Path, options: list[Option], chosen: set[str]) -> set[str]:
    """The packages that a project declares if these options are on."""
    answers = dict.fromkeys(_TEXTS, "x") | {each.name: each.name in chosen for each in options}
    template = jinja_environment(folder).get_template("template/pyproject.toml.jinja")
    groups = tomllib.loads(template.render(answers))["dependency-groups"]
    return {
        Requirement(line).name
        for lines in groups.values()
        for line in lines
        if isinstance(line, str)
    }


def measure(report: Path) -> None:
    """Write the seconds of the tests of each extension from a JUnit report."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  pytest has written it
        match case.attrib["classname"].split("."):
            case ["tests", "extensions", name, *_]:
                seconds[name] += float(case.attrib["time"])
    rounded = {name: round(value, 1) for name, value in sorted(seconds.items())}
    SECONDS.write_text(f"{json.dumps(rounded, indent=2)}\n", "utf-8")


if __name__ == "__main__":
    measure(Path(sys.argv[1]))
