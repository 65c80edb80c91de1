"""What every rendered file has to hold, whatever the answers were: faults come as sentences."""

import configparser
import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml
from dotenv import dotenv_values
from harness import ROOT, tree
from markdown_it import MarkdownIt
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import is_normalized_name

# What a lock file, an image or a script could have brought along.
REGISTRIES = re.compile(r"pypi\.org|python-?hosted|registry\.npmjs|deb\.debian\.org")
SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\bsb_secret_\w{10,}|\bsbp_\w{20,}|\beyJ[\w-]{20,}\.eyJ|"
    r"\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{30,}"
)
# The key that every Supabase CLI starts with, named by the settings in order to refuse it; and the
# alphabet, which the project's tests use for one that has the right shape.
PUBLISHED = {"sb_secret_N7UND0UgjKTVK", "sb_secret_abcdefghijklmnopqrstuvwxyz"}
# `${{ … }}` is GitHub's, `{{ … }}` just's, and HTML pages of the project have their own.
OWN_BRACES = re.compile(r"^\.github/workflows/|^justfile$|/templates/")
TAG = re.compile(r"(?<!\$)\{\{-? *\w+ *[|}]|\{%-? *\w+")


def faults(project: Path) -> list[str]:
    """What is wrong with the files of a render; for the answers it was made with, see `echoes`."""
    found: list[str] = []
    given = echoes(project)
    for name, content in tree(project).items():
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            found.append(f"{name} is no UTF-8 text")
            continue
        found += [f"{name}: {fault}" for fault in [*plain(name, text, given), *parsed(name, text)]]
    found += pyproject_faults(project)
    found += readme_faults(project)
    found += process_faults(project)
    return found


def echoes(project: Path) -> list[str]:
    """The texts that were answered, which may hold anything that looks like a tag."""
    recorded = yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))
    texts = [str(value) for name, value in recorded.items() if not name.startswith("_")]
    written = [*texts, *(json.dumps(text, ensure_ascii=False)[1:-1] for text in texts)]
    return sorted(filter(None, written), key=len, reverse=True)


def plain(name: str, text: str, given: list[str]) -> Iterator[str]:
    """Tags, ends of lines, secrets, addresses."""
    if name.endswith(".jinja") or name in ("copier.yml", "checks.jinja"):
        yield "is a file of the template"
    if re.search(r"\{\{|\{%|\[\[", name):
        yield "has a tag in its name"
    own = text
    for answer in given:
        own = own.replace(answer, "")
    data = name == ".copier-answers.yml"  # where YAML wraps the lines of answers
    if not data and not OWN_BRACES.search(name) and (match := TAG.search(own)):
        yield f"holds the tag {match[0]!r}"
    if "\r" in text:
        yield "has Windows line ends"
    if text and (not text.endswith("\n") or text.endswith("\n\n")):
        yield "does not end with one line break"
    if re.search(r"[ \t]+\n", text):
        yield "has a space at the end of a line"
    if match := REGISTRIES.search(own):
        yield f"names the registry {match[0]}"
    if secrets := set(SECRETS.findall(own)) - PUBLISHED:
        yield f"holds the secret {secrets}"
    if name != ".copier-answers.yml" and (str(ROOT) in text or str(Path.home()) in text):
        yield "names a path of this machine"


def parsed(name: str, text: str) -> Iterator[str]:
    """The error of the parser of its kind."""
    parse = PARSERS.get(Path(name).suffix)
    try:
        if parse:
            parse(text)
    except Exception as error:  # noqa: BLE001  each parser raises its own
        yield f"does not parse: {error}"


PARSERS: dict[str, Callable[[str], object]] = {
    ".toml": tomllib.loads,
    ".yml": lambda text: list(yaml.safe_load_all(text)),
    ".yaml": lambda text: list(yaml.safe_load_all(text)),
    ".json": json.loads,
    ".ini": lambda text: configparser.ConfigParser(interpolation=None).read_string(text),
    ".py": lambda text: compile(text, "file", "exec"),
}


def pyproject_faults(project: Path) -> Iterator[str]:
    """What an installer would not take; that it parses is looked at elsewhere."""
    try:
        data = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    except tomllib.TOMLDecodeError:
        return
    own = data["project"]
    if not is_normalized_name(own["name"]):
        yield f"pyproject.toml: {own['name']!r} is no normalised name"
    if "\n" in own["description"]:
        yield "pyproject.toml: a description has one line"
    groups = data["dependency-groups"]
    if list(groups) != data["tool"]["uv"]["default-groups"]:
        yield "pyproject.toml: a group is not among the default ones"
    for group, lines in groups.items():
        names = []
        for line in lines:
            try:
                requirement = Requirement(line)
            except InvalidRequirement as error:
                yield f"pyproject.toml: {error}"
                continue
            names.append(requirement.name)
            if requirement.name == own["name"]:
                yield f"pyproject.toml: depends on itself, in {group}"
        if names != sorted(set(names)):
            yield f"pyproject.toml: group {group} is not sorted, or names something twice"


def readme_faults(project: Path) -> Iterator[str]:
    """The answers make no block of their own: no heading, no code that swallows the rest."""
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))
    text = (project / "README.md").read_text("utf-8")
    blocks = [block.type for block in MarkdownIt().parse(text) if block.level == 0]
    headings = 1 + sum(line.startswith("## ") for line in text.split("\n")[3:])
    if blocks.count("heading_open") != headings or blocks[:1] != ["heading_open"]:
        yield f"README.md: has {blocks.count('heading_open')} headings instead of {headings}"
    # "1. …" is a list of one, and reads well.
    if answers["description"] and blocks[2:3] not in (["paragraph_open"], ["ordered_list_open"]):
        yield f"README.md: the description is no paragraph but {blocks[2:3]}"
    if text.split("\n")[0] != f"# {answers['project_name']}":
        yield "README.md: the heading is not the project's name"


def process_faults(project: Path) -> Iterator[str]:
    """The Procfile can be read by a shell, and .env.example by the settings."""
    for line in (project / "Procfile").read_text("utf-8").splitlines():
        try:
            shlex.split(line)
        except ValueError as error:
            yield f"Procfile: {line!r}: {error}"
    for line in (project / ".env.example").read_text("utf-8").splitlines():
        if line and not re.match(r"# |#?[A-Z][A-Z0-9_]*=", line):
            yield f".env.example: {line!r} is neither a setting nor a comment"
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))
    name = dotenv_values(project / ".env.example").get("PROJECT_NAME")
    if name != answers["project_name"]:
        yield f".env.example: PROJECT_NAME is read as {name!r}"
