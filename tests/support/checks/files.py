"""Checks of every rendered file, for all answers. Each fault is a sentence that names the file."""

import configparser
import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml
from dotenv import dotenv_values
from markdown_it import MarkdownIt
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import is_normalized_name

from support.rendering import tree
from support.snapshot import ROOT

# A lock file, an image or a script could hold one.
REGISTRIES = re.compile(r"pypi\.org|python-?hosted|registry\.npmjs|deb\.debian\.org")
SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\bsb_secret_\w{10,}|\bsbp_\w{20,}|\beyJ[\w-]{20,}\.eyJ|"
    r"\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{30,}"
)
# The default key of every Supabase CLI, which the settings name to refuse it; and the alphabet,
# which the project's tests use as a well-formed key.
KNOWN_SECRETS = {"sb_secret_N7UND0UgjKTVK", "sb_secret_abcdefghijklmnopqrstuvwxyz"}
# Files with tags of their own: `${{ … }}` of GitHub, `{{ … }}` of just and of Grafana's legends,
# objects in JSX, and templates of pages and mails.
FILES_WITH_TAGS = re.compile(
    r"^\.github/workflows/|^justfile$|^monitoring/dashboards/|/templates/|/emails/|\.html$"
    r"|^docs/(email|pages)\.md$|\.tsx$"
)
# Kept as their authors published them, for their hashes are compared.
FOREIGN_FILES = re.compile(r"\.min\.js$")
TAG = re.compile(r"(?<!\$)\{\{-? *\w+ *[|}]|\{%-? *\w+")


def file_faults(project: Path) -> list[str]:
    """The faults of a rendered project. Its answers are read from the answers file."""
    found: list[str] = []
    given = answered_texts(project)
    for name, content in tree(project).items():
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            found.append(f"{name}: is not UTF-8 text")
            continue
        faults = [*text_faults(name, text, given), *syntax_faults(name, text)]
        found += [f"{name}: {fault}" for fault in faults]
    found += pyproject_faults(project)
    found += readme_faults(project)
    found += link_faults(project)
    found += process_faults(project)
    return found


def answered_texts(project: Path) -> list[str]:
    """The answers as they may stand in a file, the longest first: they may look like tags."""
    recorded = yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))
    texts = [str(value) for name, value in recorded.items() if not name.startswith("_")]
    written = [*texts, *(json.dumps(text, ensure_ascii=False)[1:-1] for text in texts)]
    return sorted(filter(None, written), key=len, reverse=True)


def text_faults(name: str, text: str, given: list[str]) -> Iterator[str]:
    """Tags, white space at line ends, secrets and paths of this machine."""
    if name.endswith(".jinja") or name in ("copier.yml", "checks.jinja"):
        yield "is a file of the template"
    if re.search(r"\{\{|\{%|\[\[", name):
        yield "has a tag in its name"
    own = text
    for known in KNOWN_SECRETS:  # before the answers, which may be a part of one
        own = own.replace(known, "")
    for answer in given:
        own = own.replace(answer, "")
    data = name == ".copier-answers.yml"  # where YAML wraps the lines of answers
    if not data and not FILES_WITH_TAGS.search(name) and (match := TAG.search(own)):
        yield f"holds the tag {match[0]!r}"
    if "\r" in text:
        yield "has Windows line ends"
    ended = text.endswith("\n") and not text.endswith("\n\n")
    if text and not ended and not FOREIGN_FILES.search(name):
        yield "does not end with one line break"
    if re.search(r"[ \t]+\n", text):
        yield "has a space at the end of a line"
    if match := REGISTRIES.search(own):
        yield f"names the registry {match[0]}"
    if secrets := set(SECRETS.findall(own)):
        yield f"holds the secret {secrets}"
    if name != ".copier-answers.yml" and (str(ROOT) in text or str(Path.home()) in text):
        yield "names a path of this machine"


def syntax_faults(name: str, text: str) -> Iterator[str]:
    """The error of the parser for this kind of file."""
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
    """Metadata and dependency groups that uv would refuse, or that are not sorted."""
    try:
        data = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    except tomllib.TOMLDecodeError:
        return
    own = data["project"]
    if not is_normalized_name(own["name"]):
        yield f"pyproject.toml: {own['name']!r} is not a normalised name"
    if "\n" in own["description"]:
        yield "pyproject.toml: the description has more than one line"
    groups = data["dependency-groups"]
    # The group `backup` is for the machine to which `app deploy` copies a release.
    if [name for name in groups if name != "backup"] != data["tool"]["uv"]["default-groups"]:
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
            yield f"pyproject.toml: group {group} is not sorted, or names a package twice"


def readme_faults(project: Path) -> Iterator[str]:
    """Headings, code blocks or lists that come from an answer and change the page."""
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))
    text = (project / "README.md").read_text("utf-8")
    blocks = [block.type for block in MarkdownIt().parse(text) if block.level == 0]
    headings = 1 + sum(line.startswith("## ") for line in text.split("\n")[3:])
    if blocks.count("heading_open") != headings or blocks[:1] != ["heading_open"]:
        yield f"README.md: has {blocks.count('heading_open')} headings instead of {headings}"
    # A description such as "1. …" becomes a list with one entry, which reads well.
    if answers["description"] and blocks[2:3] not in (["paragraph_open"], ["ordered_list_open"]):
        yield f"README.md: the description is not a paragraph but {blocks[2:3]}"
    if text.split("\n")[0] != f"# {answers['project_name']}":
        yield "README.md: the heading is not the project's name"


def link_faults(project: Path) -> Iterator[str]:
    """Links between the pages of the project that lead nowhere, and pages without a link."""
    for page in [*project.glob("*.md"), *project.glob("docs/*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text("utf-8")):
            name, _, heading = target.partition("#")
            file = page.parent / name if name else page
            if not file.is_file() or (heading and heading not in anchors(file)):
                yield f"{page.name}: the link to {target} leads nowhere"
    for start in ("README.md", "AGENTS.md"):
        text = (project / start).read_text("utf-8")
        for page in project.glob("docs/*.md"):
            if f"](docs/{page.name})" not in text:
                yield f"{start}: has no link to docs/{page.name}"


def anchors(page: Path) -> set[str]:
    """The anchors of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def process_faults(project: Path) -> Iterator[str]:
    """Lines of the Procfile that a shell cannot read, and of .env.example that are no setting."""
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
