"""`app feature new` writes a feature from the blueprint. It needs ruff: it is not in the image."""

import keyword
import re
import shutil
import tokenize
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from app.core.cli.errors import CliError
from app.core.cli.feature import cli
from app.core.features import CORE, installed
from devstack.formatting import tidy

BLUEPRINT = Path(__file__).parent / "blueprint"

# Table and index names start with it, and Postgres cuts names at 63 bytes.
MAX_NAME = 30


@cli.command()
def new(
    name: Annotated[str, typer.Argument(help="In the plural, as in its path: orders.")],
    model: Annotated[
        str | None, typer.Option(help="One of them, in snake_case; default: NAME without its s.")
    ] = None,
) -> None:
    """Write a feature that works: table, migration, routes, tasks, schedule and tests."""
    root = Path.cwd()
    targets = {
        "feature": root / "app" / "features" / name,
        "tests": root / "tests" / "features" / name,
    }
    for target in targets.values():
        if target.exists():
            raise CliError(f"{target.relative_to(root)} is there already: choose another name.")
    if not (root / "app" / "features").is_dir():
        raise CliError("Run this in the folder of the project, where pyproject.toml is.")
    if name in {CORE.name, *(feature.name for feature in installed())}:
        raise CliError(f"There is a feature '{name}' in app/extensions: choose another name.")
    words = _words(name, model)
    written: list[Path] = []
    try:
        for part, target in targets.items():
            written += _write(BLUEPRINT / part, target, words)
        tidy(*written)
    except BaseException:
        # Half a feature would fail every later start.
        for target in targets.values():
            shutil.rmtree(target, ignore_errors=True)
        raise
    for path in written:
        print(f"Wrote {path.relative_to(root)}")
    print(
        "\nNext:\n"
        "  uv run app db upgrade\n"
        f"  uv run pytest tests/features/{name}\n"
        f"Then change app/features/{name}/models.py to what you need, and\n"
        f'  uv run app db migrate --feature {name} -m "What changes"'
    )


def _words(name: str, model: str | None) -> dict[str, str]:
    """Check the names and return what stands for each placeholder of the blueprint."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > MAX_NAME:
        raise CliError(
            f"'{name}' is no name for a feature: lower-case letters, digits and single "
            f"underscores, a letter first, at most {MAX_NAME}, as in `order_lines`."
        )
    one = model or _singular(name)
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", one):
        raise CliError(f"'{one}' is no name for one of them: write it in snake_case.")
    words = _placeholders(name, one)
    if {one, words["Entity"]} & _used_names() or keyword.iskeyword(one):
        raise CliError(
            f"A feature '{name}' of '{one}' would hide a name that its code uses: "
            f"choose another, for example `--model {name}_entry`."
        )
    return words


def _placeholders(name: str, one: str) -> dict[str, str]:
    spoken = one.replace("_", " ")
    article = "an" if one[0] in "aeiou" else "a"
    return {
        "features": name,
        "Features": name.replace("_", " ").capitalize(),
        "one": one,
        "Entity": "".join(part.capitalize() for part in one.split("_")),
        "a_one": f"{article} {spoken}",
        "A_one": f"{article.capitalize()} {spoken}",
    }


def _singular(name: str) -> str:
    for ending, singular in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch")):
        if name.endswith(ending):
            return name.removesuffix(ending) + singular
    return name.removesuffix("s")


def _write(source: Path, target: Path, words: dict[str, str]) -> list[Path]:
    written = []
    for path in sorted(source.rglob("*.txt")):
        relative = str(path.relative_to(source)).removesuffix(".txt")
        result = target / relative.replace("features", words["features"])
        result.parent.mkdir(parents=True, exist_ok=True)
        result.write_text(_render(path, words), encoding="utf-8")
        written.append(result)
    return written


def _render(path: Path, words: dict[str, str]) -> str:
    return Template(path.read_text(encoding="utf-8")).substitute(words)


def _used_names() -> set[str]:
    """Identifiers of the blueprint that are not made from the placeholders."""
    words = _placeholders("zz_features", "zz_one")
    return {
        name
        for path in BLUEPRINT.rglob("*.txt")
        for name in _identifiers(_render(path, words))
        if "zz" not in name.lower()
    }


def _identifiers(code: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(StringIO(code).readline):
        if token.type == tokenize.NAME:
            yield token.string
